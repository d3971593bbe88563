using System.Collections.Immutable;

namespace NativeKubelet.Core.Stats;

/// <summary>What a node and all that runs on it have used, of one round of samples.</summary>
/// <param name="At">When it was measured; the default value before the first round.</param>
/// <param name="Groups">Control groups of the node itself by the names that monitors know: pods, runtime.</param>
/// <param name="Interfaces">Those of the node; <paramref name="MainInterface"/> is the one of its default route.</param>
public sealed record NodeStats(
    DateTimeOffset At, string Name, DateTimeOffset Boot, UsageFigures Usage, long MemoryBytes, long PidMax, StorageFigures? Root, StorageFigures? Images,
    ImmutableArray<InterfaceFigures> Interfaces, string MainInterface, ImmutableArray<GroupStats> Groups, ImmutableArray<PodStats> Pods);

public sealed record GroupStats(string Name, UsageFigures Usage);

/// <param name="Interfaces">Empty: those of the node.</param>
public sealed record PodStats(
    string Namespace, string Name, string Uid, DateTimeOffset? Start, UsageFigures Usage, ImmutableArray<InterfaceFigures> Interfaces, ImmutableArray<ContainerStats> Containers)
{
    public ImmutableArray<VolumeStats> Volumes { get; init; } = [];

    /// <summary>Of the node's disk: layers and logs of its containers, and what its volumes hold that go with it. Null: not measured yet.</summary>
    public DiskFigures? Ephemeral { get; init; }
}

/// <param name="Claim">The claim that it is of; null for the pod's own.</param>
/// <param name="Storage">Of the file system that it lies on, but for what is used: that is the volume's alone.</param>
/// <param name="InodesUsed">The volume's alone.</param>
public sealed record VolumeStats(string Name, string? Claim, DateTimeOffset At, StorageFigures Storage, long InodesUsed);

/// <param name="MemoryLimit">Null: none.</param>
public sealed record ContainerStats(string Name, DateTimeOffset? Start, UsageFigures Usage, long? MemoryLimit)
{
    /// <summary>The writable layer; null: not measured yet.</summary>
    public DiskFigures? Layer { get; init; }

    public DiskFigures? Logs { get; init; }
}

public sealed record DiskFigures(DateTimeOffset At, long UsedBytes, long InodesUsed);

/// <summary>Null: not known.</summary>
/// <param name="NanoCores">CPU nanoseconds per second lately.</param>
public readonly record struct UsageFigures(
    long? CpuNanoseconds, long? NanoCores, long? Memory, long? WorkingSet, long? Rss, long? PageFaults, long? MajorFaults, long? Pids)
{
    public StrainFigures Strain { get; init; }
}

/// <summary>Null: not known, or not told here.</summary>
/// <param name="SwapLimit">Null: none.</param>
public readonly record struct StrainFigures(long? Swap, long? SwapLimit, PressureFigures? Cpu, PressureFigures? Memory, PressureFigures? Io);

/// <summary>Time in which some, or all, tasks waited for something.</summary>
public sealed record PressureFigures(StallFigures Some, StallFigures Full);

/// <param name="Avg10">Percent of the last ten seconds.</param>
public readonly record struct StallFigures(double Avg10, double Avg60, double Avg300, long TotalMicroseconds);

/// <param name="Inodes">0 where the file system makes them as it needs them.</param>
public sealed record StorageFigures(long TotalBytes, long AvailableBytes, long UsedBytes, long Inodes, long FreeInodes);

public sealed record InterfaceFigures(
    string Name, long RxBytes, long RxPackets, long RxErrors, long RxDropped, long TxBytes, long TxPackets, long TxErrors, long TxDropped);
