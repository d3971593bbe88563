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
internal sealed record StatsFacts(string Node, DateTimeOffset Boot, long MemoryBytes, long PidMax, RuntimePaths Paths);

/// <summary>Puts the last round of samples together with the pods that they belong to; once per round, however many ask.</summary>
internal sealed class NodeStatsReader(StatsFacts facts, UsageSampler usage, VolumeMeter volumes, StatusBoard board, IContainerRuntime runtime, PodCgroups cgroups)
{
    private readonly Lock _gate = new();
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

    /// <summary>With the volumes as they were measured last. A new round is begun when it is due, and nobody waits for it: a file system may not answer.</summary>
    public NodeStats ReadWithVolumes()
    {
        _ = volumes.LatestAsync(CancellationToken.None);
        VolumeSnapshot measured = volumes.Current;
        NodeStats stats = Read();
        return stats with { Pods = [.. stats.Pods.Select(p => measured.Of(p.Uid) is { Length: > 0 } own ? p with { Volumes = Volumes(own, p.Uid) } : p)] };
    }

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
            snapshot.At, facts.Node, facts.Boot, Figures(snapshot.Node), facts.MemoryBytes, facts.PidMax, Storage(facts.Paths.Root), Storage(facts.Paths.Data),
            GroupMetrics.Figures(interfaces), main, Groups(),
            [
                .. from view in board.Now.Pods.Values
                   where !view.Status.IsTerminal && sandboxes.Contains(view.Uid)
                   orderby view.Namespace, view.Name
                   select Pod(view, sandboxes[view.Uid], snapshot),
            ]);
    }

    private static PodStats Pod(PodView view, IEnumerable<SandboxState> sandboxes, UsageSnapshot snapshot)
    {
        ContainerState[] running = [.. sandboxes.SelectMany(s => s.Containers).Where(c => c.Phase == ContainerPhase.Running)];
        bool onHost = view.Pod.Spec.HostNetwork == true;
        return new(
            view.Namespace, view.Name, view.Uid, view.Status.StartTime, Figures(snapshot.Pods.GetValueOrDefault(view.Uid)),
            onHost || running is [] ? [] : GroupMetrics.Figures(InterfaceCounters.OfProcess(running[0].Pid)),
            [.. running.Select(c => new ContainerStats(c.Name, c.StartedAt, Figures(snapshot.Containers.GetValueOrDefault(c.Id)), Limit(view, c.Name)))]);
    }

    private static long? Limit(PodView view, string container) =>
        view.Pod.Spec.Containers.Concat(view.Pod.Spec.InitContainers ?? []).FirstOrDefault(c => c.Name == container) is { } spec
        && PodResources.LimitsOf(spec) is var limits && limits.Has("memory") ? limits["memory"].Whole : null;

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
