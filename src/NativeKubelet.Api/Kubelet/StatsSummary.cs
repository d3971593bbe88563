using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Kubelet;

/// <summary>/stats/summary (stats.v1alpha1), as far as this node knows it. Times are RFC 3339 in UTC, to the second.</summary>
public sealed record SummaryDocument(NodeSummary Node, ImmutableArray<PodSummary> Pods);

public sealed record NodeSummary
{
    public required string NodeName { get; init; }
    public ImmutableArray<ContainerSummary> SystemContainers { get; init; } = [];
    public string? StartTime { get; init; }
    public CpuSummary? Cpu { get; init; }
    public MemorySummary? Memory { get; init; }
    public IoSummary? Io { get; init; }
    public SwapSummary? Swap { get; init; }
    public NetworkSummary? Network { get; init; }
    public FsSummary? Fs { get; init; }
    public RuntimeSummary? Runtime { get; init; }
    public RlimitSummary? Rlimit { get; init; }
}

public sealed record PodSummary
{
    public required PodReference PodRef { get; init; }
    public string? StartTime { get; init; }
    public ImmutableArray<ContainerSummary> Containers { get; init; } = [];
    public CpuSummary? Cpu { get; init; }
    public MemorySummary? Memory { get; init; }
    public IoSummary? Io { get; init; }
    public SwapSummary? Swap { get; init; }
    public NetworkSummary? Network { get; init; }

    [JsonPropertyName("volume")]
    public ImmutableArray<VolumeSummary>? Volumes { get; init; }

    [JsonPropertyName("ephemeral-storage")]
    public FsSummary? EphemeralStorage { get; init; }

    [JsonPropertyName("process_stats")]
    public ProcessSummary? ProcessStats { get; init; }
}

public sealed record ContainerSummary(string Name)
{
    public string? StartTime { get; init; }
    public CpuSummary? Cpu { get; init; }
    public MemorySummary? Memory { get; init; }
    public IoSummary? Io { get; init; }
    public SwapSummary? Swap { get; init; }
    public FsSummary? Rootfs { get; init; }
    public FsSummary? Logs { get; init; }
}

public sealed record PodReference(string Name, string Namespace, string Uid);

public sealed record CpuSummary(string Time, long? UsageNanoCores, long? UsageCoreNanoSeconds, PsiSummary? Psi);

public sealed record MemorySummary(string Time, long? AvailableBytes, long? UsageBytes, long? WorkingSetBytes, long? RssBytes, long? PageFaults, long? MajorPageFaults, PsiSummary? Psi);

public sealed record IoSummary(string Time, PsiSummary Psi);

public sealed record SwapSummary(string Time, long? SwapAvailableBytes, long? SwapUsageBytes);

public sealed record PsiSummary(StallSummary Full, StallSummary Some);

/// <param name="Total">Microseconds, as the kernel counts and the original passes on, whatever its documentation says.</param>
public sealed record StallSummary(long Total, double Avg10, double Avg60, double Avg300);

public sealed record NetworkSummary(string Time, string Name, long RxBytes, long RxErrors, long TxBytes, long TxErrors, ImmutableArray<InterfaceSummary> Interfaces);

public sealed record InterfaceSummary(string Name, long RxBytes, long RxErrors, long TxBytes, long TxErrors);

public sealed record FsSummary(string Time, long AvailableBytes, long CapacityBytes, long UsedBytes, long InodesFree, long Inodes, long InodesUsed);

public sealed record VolumeSummary(
    string Name, ClaimReference? PvcRef, string Time, long AvailableBytes, long CapacityBytes, long UsedBytes, long InodesFree, long Inodes, long InodesUsed);

public sealed record ClaimReference(string Name, string Namespace);

public sealed record RuntimeSummary(FsSummary? ImageFs, FsSummary? ContainerFs);

public sealed record RlimitSummary(string Time, long Maxpid, long? Curproc);

public sealed record ProcessSummary([property: JsonPropertyName("process_count")] long ProcessCount);

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SummaryDocument))]
public sealed partial class StatsJson : JsonSerializerContext;
