using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Stats;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Stats;

/// <summary>What of the node statistics does not change while the agent runs.</summary>
internal sealed record StatsFacts(string Node, DateTimeOffset Boot, long MemoryBytes, long SwapBytes, long PidMax, RuntimePaths Paths);

/// <summary>Puts the last round of samples together with the pods that they belong to; once per round, however many ask.</summary>
internal sealed class NodeStatsReader(StatsFacts facts, UsageSampler usage, VolumeMeter volumes, ContainerMeter layers, StatusBoard board, IContainerRuntime runtime, PodCgroups cgroups)
{
    private readonly Lock _gate = new();
    private readonly byte[] _scratch = new byte[CgroupUsageReader.ScratchBytes];    // under _gate
    private (UsageSnapshot Of, NodeStats Stats)? _last;

    public NodeStats Read()
    {
        UsageSnapshot snapshot = usage.Latest;
        lock (_gate)
        {
            if (_last is { } last && ReferenceEquals(last.Of, snapshot)) return last.Stats;
            NodeStats stats = Put(snapshot);
            _last = (snapshot, stats);
            return stats;
        }
    }

    /// <summary>With volumes, layers and logs as they were measured last. A new round is begun when it is due, and nobody waits for it: a file system may not answer.</summary>
    public NodeStats ReadWithDisks()
    {
        _ = volumes.LatestAsync(CancellationToken.None);
        VolumeSnapshot measured = volumes.Current;
        ImmutableDictionary<string, ContainerDisk> disks = layers.Look();
        ILookup<string, SandboxState> sandboxes = runtime.Sandboxes.ToLookup(s => s.PodUid);
        NodeStats stats = Read();
        return stats with { Pods = [.. stats.Pods.Select(p => WithDisks(p with { Volumes = Volumes(measured.Of(p.Uid), p.Uid) }, sandboxes[p.Uid], disks))] };
    }

    private PodStats WithDisks(PodStats pod, IEnumerable<SandboxState> sandboxes, ImmutableDictionary<string, ContainerDisk> disks)
    {
        Dictionary<string, ContainerDisk> own = [];
        foreach (ContainerState container in sandboxes.SelectMany(s => s.Containers))
            if (disks.TryGetValue(container.Id, out ContainerDisk? disk)) own[container.Name] = disk;
        if (own.Count == 0) return pod;
        HashSet<string> going = [.. from v in board.Now.Pods.GetValueOrDefault(pod.Uid)?.Pod.Spec.Volumes ?? [] where v.EmptyDir is { Medium: null or "" } select v.Name];
        VolumeStats[] volumes = [.. pod.Volumes.Where(v => going.Contains(v.Name))];
        return pod with
        {
            Containers = [.. pod.Containers.Select(c => own.TryGetValue(c.Name, out ContainerDisk? disk) ? c with { Layer = Figures(disk.At, disk.Layer), Logs = Figures(disk.At, disk.Logs) } : c)],
            Ephemeral = new(
                own.Values.Max(d => d.At), own.Values.Sum(d => d.Layer.Bytes + d.Logs.Bytes) + volumes.Sum(v => v.Storage.UsedBytes),
                own.Values.Sum(d => d.Layer.Inodes + d.Logs.Inodes) + volumes.Sum(v => v.InodesUsed)),
        };
    }

    private static DiskFigures Figures(DateTimeOffset at, DiskUse use) => new(at, use.Bytes, use.Inodes);

    private ImmutableArray<VolumeStats> Volumes(ImmutableArray<VolumeUsage> measured, string uid)
    {
        IList<V1Volume> specs = board.Now.Pods.GetValueOrDefault(uid)?.Pod.Spec.Volumes ?? [];
        return
        [
            .. measured.Select(v => new VolumeStats(
                v.Name, specs.FirstOrDefault(spec => spec.Name == v.Name)?.PersistentVolumeClaim?.ClaimName, v.At,
                new(v.CapacityBytes, v.AvailableBytes, v.UsedBytes, v.Inodes, v.InodesFree), v.InodesUsed)),
        ];
    }

    private NodeStats Put(UsageSnapshot snapshot)
    {
        (ImmutableArray<InterfaceCounters> interfaces, string main) = InterfaceCounters.Own();
        ILookup<string, SandboxState> sandboxes = runtime.Sandboxes.ToLookup(s => s.PodUid);
        return new(
            snapshot.At, facts.Node, facts.Boot, Node(snapshot), facts.MemoryBytes, facts.PidMax, Storage(facts.Paths.Root), Storage(facts.Paths.Data),
            GroupMetrics.Figures(interfaces), main, Groups(),
            [
                .. from view in board.Now.Pods.Values
                   where !view.Status.IsTerminal && sandboxes.Contains(view.Uid)
                   orderby view.Namespace, view.Name
                   select Pod(view, sandboxes[view.Uid], snapshot),
            ]);
    }

    private PodStats Pod(PodView view, IEnumerable<SandboxState> sandboxes, UsageSnapshot snapshot)
    {
        CgroupName? group = cgroups.FindPod(view.Uid);
        ContainerState[] running = [.. sandboxes.SelectMany(s => s.Containers).Where(c => c.Phase == ContainerPhase.Running)];
        bool onHost = view.Pod.Spec.HostNetwork == true;
        return new(
            view.Namespace, view.Name, view.Uid, view.Status.StartTime, Figures(snapshot.Pods.GetValueOrDefault(view.Uid)) with { Strain = cgroups.Tree.PerQos && group is { } own ? Strain(cgroups.Tree.Path(own)) : default },
            onHost || running is [] ? [] : GroupMetrics.Figures(InterfaceCounters.OfProcess(running[0].Pid)),
            [.. running.Select(c => new ContainerStats(c.Name, c.StartedAt, Figures(snapshot.Containers.GetValueOrDefault(c.Id)) with { Strain = group is { } pod ? Strain(cgroups.Tree.LeafPath(pod, c.Id)) : default }, Limit(view, c.Name)))]);
    }

    private static long? Limit(PodView view, string container) =>
        view.Pod.Spec.Containers.Concat(view.Pod.Spec.InitContainers ?? []).FirstOrDefault(c => c.Name == container) is { } spec
        && PodResources.LimitsOf(spec) is var limits && limits.Has("memory") ? limits["memory"].Whole : null;

    /// <summary>All that is in swap counts, whoever's it is.</summary>
    private UsageFigures Node(UsageSnapshot snapshot)
    {
        StrainFigures strain = Strain("/");
        long? swap = facts.SwapBytes == 0 ? 0 : MachineMemory.SwapUsed();
        return Figures(snapshot.Node) with { Strain = strain with { Swap = swap, SwapLimit = facts.SwapBytes } };
    }

    private StrainFigures Strain(string path)
    {
        CgroupStrain read = CgroupStrain.Read(cgroups.Layout, path, _scratch);
        return new(facts.SwapBytes == 0 ? 0 : read.Swap, read.SwapLimit, Figures(read.Cpu), Figures(read.Memory), Figures(read.Io));
    }

    private static PressureFigures? Figures(Pressure? pressure) => pressure is null ? null : new(Figures(pressure.Some), Figures(pressure.Full));

    private static StallFigures Figures(Stall stall) => new(stall.Avg10, stall.Avg60, stall.Avg300, stall.TotalMicroseconds);

    /// <summary>The pods' common group, by which a node is judged when memory is short.</summary>
    private ImmutableArray<GroupStats> Groups()
    {
        if (!cgroups.Tree.PerQos) return [];
        using CgroupUsageReader reader = new(cgroups.Layout, cgroups.Tree.Path(cgroups.Tree.Node));
        return reader.Read() is { } read ? [new GroupStats("pods", Figures(new UsageSample(read, null)))] : [];
    }

    private static StorageFigures? Storage(string directory)
    {
        try
        {
            FileSystemSpace space = FileSystemSpace.Of(directory);
            return new(space.TotalBytes, space.AvailableBytes, space.TotalBytes - space.FreeBytes, space.TotalInodes, space.FreeInodes);
        }
        catch (ErrnoException)
        {
            return null;      // what cannot be had is left out
        }
    }

    private static UsageFigures Figures(UsageSample sample)
    {
        CgroupUsage u = sample.Usage;
        return new(u.CpuNanoseconds, sample.NanoCores, u.Memory, u.WorkingSet, u.Rss, u.PageFaults, u.MajorFaults, u.Pids);
    }
}
