using System.Collections.Immutable;
using System.Globalization;
using NativeKubelet.Api.Kubelet;

namespace NativeKubelet.Core.Stats;

/// <summary>/stats/summary from a round of samples (spec 20 §9). What is not known is left out.</summary>
public static class SummaryBuilder
{
    private const string PodInterface = "eth0";

    /// <param name="onlyCpuAndMemory">What metrics servers and autoscalers ask for.</param>
    public static SummaryDocument Build(NodeStats stats, bool onlyCpuAndMemory) => new(Node(stats, onlyCpuAndMemory), [.. stats.Pods.Select(p => Pod(p, stats, onlyCpuAndMemory))]);

    private static NodeSummary Node(NodeStats stats, bool lean)
    {
        NodeSummary node = new()
        {
            NodeName = stats.Name,
            StartTime = Time(stats.Boot),
            Cpu = Cpu(stats.Usage, stats.At),
            Memory = Memory(stats.Usage, stats.At, stats.MemoryBytes),
            Swap = Swap(stats.Usage, stats.At),
            SystemContainers = [.. stats.Groups.Select(g => new ContainerSummary(g.Name) { Cpu = Cpu(g.Usage, stats.At), Memory = Memory(g.Usage, stats.At, null), Swap = Swap(g.Usage, stats.At) })],
        };
        return lean ? node : node with
        {
            Io = Io(stats.Usage, stats.At),
            Network = Network(stats.Interfaces, stats.MainInterface, stats.At),
            Fs = Storage(stats.Root, stats.At),
            Runtime = new(Storage(stats.Images, stats.At), Storage(stats.Images, stats.At)),
            Rlimit = new(Time(stats.At)!, stats.PidMax, stats.Usage.Pids),
        };
    }

    private static PodSummary Pod(PodStats pod, NodeStats node, bool lean)
    {
        DateTimeOffset at = node.At;
        PodSummary summary = new()
        {
            PodRef = new(pod.Name, pod.Namespace, pod.Uid),
            StartTime = Time(pod.Start),
            Containers = [.. pod.Containers.Select(c => Container(c, node, lean))],
            Cpu = Cpu(pod.Usage, at),
            Memory = Memory(pod.Usage, at, null),
            Swap = Swap(pod.Usage, at),
        };
        return lean ? summary : summary with
        {
            Network = pod.Interfaces.IsEmpty ? null : Network(pod.Interfaces, pod.Interfaces.Any(i => i.Name == PodInterface) ? PodInterface : pod.Interfaces[0].Name, at),
            Volumes = pod.Volumes.IsEmpty ? null : [.. pod.Volumes.Select(v => Volume(v, pod.Namespace))],
            Io = Io(pod.Usage, at),
            EphemeralStorage = Part(pod.Ephemeral, node.Root),
            ProcessStats = pod.Usage.Pids is { } count ? new(count) : null,
        };
    }

    private static ContainerSummary Container(ContainerStats container, NodeStats node, bool lean)
    {
        ContainerSummary summary = new(container.Name)
        {
            StartTime = Time(container.Start),
            Cpu = Cpu(container.Usage, node.At),
            Memory = Memory(container.Usage, node.At, container.MemoryLimit),
            Swap = Swap(container.Usage, node.At),
        };
        return lean ? summary : summary with { Io = Io(container.Usage, node.At), Rootfs = Part(container.Layer, node.Images), Logs = Part(container.Logs, node.Root) };
    }

    private static CpuSummary? Cpu(UsageFigures usage, DateTimeOffset at) => usage.CpuNanoseconds is null ? null : new(Time(at)!, usage.NanoCores, usage.CpuNanoseconds, Psi(usage.Strain.Cpu));

    private static MemorySummary? Memory(UsageFigures usage, DateTimeOffset at, long? limit) => usage.Memory is null && usage.WorkingSet is null ? null
        : new(Time(at)!, limit - usage.WorkingSet is { } left ? Math.Max(0, left) : null, usage.Memory, usage.WorkingSet, usage.Rss, usage.PageFaults, usage.MajorFaults, Psi(usage.Strain.Memory));

    private static SwapSummary? Swap(UsageFigures usage, DateTimeOffset at) => usage.Strain.Swap is not { } used ? null
        : new(Time(at)!, usage.Strain.SwapLimit - used is { } left ? Math.Max(0, left) : null, used);

    private static IoSummary? Io(UsageFigures usage, DateTimeOffset at) => Psi(usage.Strain.Io) is { } psi ? new(Time(at)!, psi) : null;

    private static PsiSummary? Psi(PressureFigures? pressure) => pressure is null ? null : new(Stall(pressure.Full), Stall(pressure.Some));

    private static StallSummary Stall(StallFigures stall) => new(stall.TotalMicroseconds, stall.Avg10, stall.Avg60, stall.Avg300);

    private static NetworkSummary? Network(ImmutableArray<InterfaceFigures> all, string main, DateTimeOffset at)
    {
        if (all.FirstOrDefault(i => i.Name == main) is not { } own) return null;
        return new(Time(at)!, own.Name, own.RxBytes, own.RxErrors, own.TxBytes, own.TxErrors, [.. all.Select(i => new InterfaceSummary(i.Name, i.RxBytes, i.RxErrors, i.TxBytes, i.TxErrors))]);
    }

    private static FsSummary? Storage(StorageFigures? storage, DateTimeOffset at) => storage is null ? null
        : new(Time(at)!, storage.AvailableBytes, storage.TotalBytes, storage.UsedBytes, storage.FreeInodes, storage.Inodes, storage.Inodes - storage.FreeInodes);

    /// <summary>What is used of a file system that is others' too.</summary>
    private static FsSummary? Part(DiskFigures? part, StorageFigures? whole) => part is null || whole is null ? null
        : new(Time(part.At)!, whole.AvailableBytes, whole.TotalBytes, part.UsedBytes, whole.FreeInodes, whole.Inodes, part.InodesUsed);

    private static VolumeSummary Volume(VolumeStats volume, string @namespace)
    {
        StorageFigures storage = volume.Storage;
        return new(
            volume.Name, volume.Claim is null ? null : new(volume.Claim, @namespace), Time(volume.At)!, storage.AvailableBytes, storage.TotalBytes, storage.UsedBytes,
            storage.FreeInodes, storage.Inodes, volume.InodesUsed);
    }

    private static string? Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
