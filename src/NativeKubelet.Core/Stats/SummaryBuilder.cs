using System.Collections.Immutable;
using System.Globalization;
using NativeKubelet.Api.Kubelet;

namespace NativeKubelet.Core.Stats;

/// <summary>/stats/summary from a round of samples (spec 20 §9). What is not known is left out.</summary>
public static class SummaryBuilder
{
    private const string PodInterface = "eth0";

    /// <param name="onlyCpuAndMemory">What metrics servers and autoscalers ask for.</param>
    public static SummaryDocument Build(NodeStats stats, bool onlyCpuAndMemory) => new(Node(stats, onlyCpuAndMemory), [.. stats.Pods.Select(p => Pod(p, stats.At, onlyCpuAndMemory))]);

    private static NodeSummary Node(NodeStats stats, bool lean)
    {
        NodeSummary node = new()
        {
            NodeName = stats.Name,
            StartTime = Time(stats.Boot),
            Cpu = Cpu(stats.Usage, stats.At),
            Memory = Memory(stats.Usage, stats.At, stats.MemoryBytes),
            SystemContainers = [.. stats.Groups.Select(g => new ContainerSummary(g.Name) { Cpu = Cpu(g.Usage, stats.At), Memory = Memory(g.Usage, stats.At, null) })],
        };
        return lean ? node : node with
        {
            Network = Network(stats.Interfaces, stats.MainInterface, stats.At),
            Fs = Storage(stats.Root, stats.At),
            Runtime = new(Storage(stats.Images, stats.At), Storage(stats.Images, stats.At)),
            Rlimit = new(Time(stats.At)!, stats.PidMax, stats.Usage.Pids),
        };
    }

    private static PodSummary Pod(PodStats pod, DateTimeOffset at, bool lean)
    {
        PodSummary summary = new()
        {
            PodRef = new(pod.Name, pod.Namespace, pod.Uid),
            StartTime = Time(pod.Start),
            Containers = [.. pod.Containers.Select(c => new ContainerSummary(c.Name) { StartTime = Time(c.Start), Cpu = Cpu(c.Usage, at), Memory = Memory(c.Usage, at, c.MemoryLimit) })],
            Cpu = Cpu(pod.Usage, at),
            Memory = Memory(pod.Usage, at, null),
        };
        return lean ? summary : summary with
        {
            Network = pod.Interfaces.IsEmpty ? null : Network(pod.Interfaces, pod.Interfaces.Any(i => i.Name == PodInterface) ? PodInterface : pod.Interfaces[0].Name, at),
            Volumes = pod.Volumes.IsEmpty ? null : [.. pod.Volumes.Select(v => Volume(v, pod.Namespace))],
            ProcessStats = pod.Usage.Pids is { } count ? new(count) : null,
        };
    }

    private static CpuSummary? Cpu(UsageFigures usage, DateTimeOffset at) => usage.CpuNanoseconds is null ? null : new(Time(at)!, usage.NanoCores, usage.CpuNanoseconds);

    private static MemorySummary? Memory(UsageFigures usage, DateTimeOffset at, long? limit) => usage.Memory is null && usage.WorkingSet is null ? null
        : new(Time(at)!, limit - usage.WorkingSet is { } left ? Math.Max(0, left) : null, usage.Memory, usage.WorkingSet, usage.Rss, usage.PageFaults, usage.MajorFaults);

    private static NetworkSummary? Network(ImmutableArray<InterfaceFigures> all, string main, DateTimeOffset at)
    {
        if (all.FirstOrDefault(i => i.Name == main) is not { } own) return null;
        return new(Time(at)!, own.Name, own.RxBytes, own.RxErrors, own.TxBytes, own.TxErrors, [.. all.Select(i => new InterfaceSummary(i.Name, i.RxBytes, i.RxErrors, i.TxBytes, i.TxErrors))]);
    }

    private static FsSummary? Storage(StorageFigures? storage, DateTimeOffset at) => storage is null ? null
        : new(Time(at)!, storage.AvailableBytes, storage.TotalBytes, storage.UsedBytes, storage.FreeInodes, storage.Inodes, storage.Inodes - storage.FreeInodes);

    private static VolumeSummary Volume(VolumeStats volume, string @namespace)
    {
        StorageFigures storage = volume.Storage;
        return new(
            volume.Name, volume.Claim is null ? null : new(volume.Claim, @namespace), Time(volume.At)!, storage.AvailableBytes, storage.TotalBytes, storage.UsedBytes,
            storage.FreeInodes, storage.Inodes, volume.InodesUsed);
    }

    private static string? Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
