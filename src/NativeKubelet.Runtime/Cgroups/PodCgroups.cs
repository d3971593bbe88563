using System.Collections.Immutable;
using System.Diagnostics;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Cgroups;

/// <param name="Path">Below each hierarchy's root, starts with "/"; no process lives in the group itself.</param>
public sealed record PodCgroup(string Uid, CgroupName Name, string Path);

/// <summary>A pod's group as found on the machine.</summary>
public sealed class FoundPodCgroup(string uid, string path, CgroupFs groups)
{
    public string Uid => uid;

    public string Path => path;

    /// <summary>Every process in it, read anew each time: a hundred reads on version 1, which only strange groups are worth.</summary>
    public IReadOnlySet<int> Processes => groups.Processes(path);
}

/// <summary>
/// The one writer of the node's, the tiers' and the pods' control groups (spec 40 §3). Containers' own groups are made by the OCI
/// runtime, and changed here by a resize. Calls for one pod come from its worker; calls for different pods may run in parallel.
/// </summary>
public sealed partial class PodCgroups(CgroupTree tree, CgroupFs groups, ICgroupDriver driver, LimitSettings settings, ILogger<PodCgroups> log)
{
    private const string Holders = "nativekubelet";
    private static readonly QosClass[] Tiers = [QosClass.Guaranteed, QosClass.Burstable, QosClass.BestEffort];

    private static readonly TimeSpan RemovedGroupPause = TimeSpan.FromMilliseconds(5), RemovedGroupPatience = TimeSpan.FromSeconds(1);

    private long _burstableShares;      // as last written; 0: not known

    public CgroupTree Tree { get; } = tree;

    public CgroupLayout Layout => groups.Layout;

    /// <summary>Makes cgroupRoot (for a root of one's own; the configured one must exist), and removes it with all in it.</summary>
    public async Task CreateRootAsync(CancellationToken cancel) => await driver.CreateAsync(Tree.Path(Tree.Root), new(), cancel);

    /// <returns>False when a process would not die in time.</returns>
    public Task<bool> RemoveRootAsync(CancellationToken cancel) => driver.DestroyAsync(Tree.Path(Tree.Root), cancel);

    /// <exception cref="ErrnoException">A limit was refused (version 1: below what is in use); groups exist all the same.</exception>
    public async Task EnsureNodeAsync(GroupLimits limits, CancellationToken cancel)
    {
        _burstableShares = 0;
        await driver.CreateAsync(HolderParent, new(), cancel);
        if (!Tree.PerQos) return;
        foreach (QosClass qos in Tiers) await driver.CreateAsync(Tree.Path(Tree.Tier(qos)), new(), cancel);
        await driver.SetAsync(Tree.Path(Tree.Tier(QosClass.BestEffort)), Values(new GroupLimits(CpuShares: CpuConversions.LeastShares)), cancel);
        await driver.SetAsync(Tree.Path(Tree.Node), Values(limits), cancel);
    }

    /// <summary>The Burstable tier weighs as much as its active pods ask for together. One call at a time.</summary>
    public async Task UpdateBurstableSharesAsync(IEnumerable<V1Pod> active, CancellationToken cancel)
    {
        if (!Tree.PerQos) return;
        long milli = active.Where(p => QosClasses.Of(p) == QosClass.Burstable).Sum(p => PodResources.Requests(p.Spec)["cpu"].Milli);
        long shares = CpuConversions.Shares(milli);
        if (shares == _burstableShares) return;
        await driver.SetAsync(Tree.Path(Tree.Tier(QosClass.Burstable)), Values(new GroupLimits(CpuShares: shares)), cancel);
        _burstableShares = shares;
    }

    /// <summary>The pod's group without touching the machine.</summary>
    public PodCgroup Of(V1Pod pod)
    {
        CgroupName name = Tree.Pod(pod.Metadata.Uid, QosClasses.Of(pod));
        return new(pod.Metadata.Uid, name, Tree.Path(name));
    }

    /// <summary>The group of a pod of which only the UID is known, by looking into each tier.</summary>
    /// <returns>Null when it is gone; the root where pods have no groups of their own.</returns>
    public CgroupName? FindPod(string uid)
    {
        if (!Tree.PerQos) return Tree.Root;
        CgroupName[] names = [.. Tiers.Select(qos => Tree.Pod(uid, qos))];
        string[] paths = [.. names.Select(Tree.Path)];
        return groups.FirstExisting(paths) is { } found ? names[Array.IndexOf(paths, found)] : null;
    }

    /// <summary>Makes the pod's group and sets its limits; a group that exists is left as it is.</summary>
    /// <exception cref="FormatException">The pod asks for something that is no amount, or not here.</exception>
    /// <exception cref="IOException">The group cannot be made. A refused value is only logged.</exception>
    public async Task<PodCgroup> EnsurePodAsync(V1Pod pod, CancellationToken cancel)
    {
        PodCgroup group = Of(pod);
        if (!Tree.PerQos) return group;
        if (await driver.CreateAsync(group.Path, Values(PodCgroupLimits.Compute(pod, settings)), cancel) is { } refused)
            PodLimitRefused(pod.Metadata.NamespaceProperty, pod.Metadata.Name, refused.Message);
        return group;
    }

    /// <summary>Gives a pod's group other values.</summary>
    /// <exception cref="IOException">It cannot be changed.</exception>
    public async Task SetPodAsync(PodCgroup pod, GroupLimits limits, CancellationToken cancel)
    {
        if (!Tree.PerQos) return;    // the group is everybody's
        for (long begun = Stopwatch.GetTimestamp(); ;)
            try
            {
                await driver.SetAsync(pod.Path, Values(limits), cancel);
                return;
            }
            catch (ErrnoException e) when (e.Errno == Errno.EINVAL && Stopwatch.GetElapsedTime(begun) < RemovedGroupPatience)
            {
                // Version 1: the quota of a container's group counts until the kernel has freed it, some milliseconds after its
                // removal (css_released, an RCU grace period later), and nothing tells of that.
                await Task.Delay(RemovedGroupPause, cancel);
            }
    }

    /// <summary>Gives a container's group, which the OCI runtime made, other values; systemd keeps them for its scope.</summary>
    /// <exception cref="IOException">It cannot be changed.</exception>
    public Task SetContainerAsync(string path, GroupLimits limits, CancellationToken cancel) =>
        driver.SetAsync(path, Values(limits) with { CpuWeight = limits.CpuShares is { } shares ? CpuConversions.QuadraticWeight(shares) : null }, cancel);

    /// <summary>Bytes that a group and all below it use; null where nobody tells.</summary>
    public long? MemoryUsage(string path)
    {
        using CgroupUsageReader reader = new(groups.Layout, path);
        return reader.Read()?.Memory;
    }

    /// <summary>linux.cgroupsPath for one of the pod's containers.</summary>
    public string CgroupsPath(PodCgroup pod, string containerId) => Tree.CgroupsPath(pod.Name, containerId);

    /// <summary>Gives a sandbox's pause its own group below the pod's.</summary>
    public Task PlacePauseAsync(PodCgroup pod, string sandboxId, int pid, CancellationToken cancel) =>
        driver.PlaceAsync(Tree.LeafPath(pod.Name, sandboxId), pid, cancel);

    /// <summary>Moves a sandbox's holder beside the pods, so that a pod's CPU limit does not slow its own start.</summary>
    public Task PlaceHolderAsync(string sandboxId, int pid, CancellationToken cancel) => driver.PlaceAsync(HolderGroup(sandboxId), pid, cancel);

    /// <summary>Gives back what a holder that has ended lived in.</summary>
    public async Task RemoveHolderAsync(string sandboxId, CancellationToken cancel)
    {
        if (HolderGroup(sandboxId) is var own && own != HolderParent && groups.Exists(own)) await driver.DestroyAsync(own, cancel);
    }

    /// <summary>Where a sandbox's holder lives: with the others, or, as systemd takes no further process into a scope, alone.</summary>
    public string HolderGroup(string sandboxId) =>
        Tree.Driver == CgroupDriver.Systemd ? $"{HolderParent}/{Holders}-{sandboxId}.scope" : HolderParent;

    /// <summary>Kills what is left of the pod and removes its groups, in whichever tier they are. Gone already is success.</summary>
    /// <returns>False when something would not go yet: ask again at the next housekeeping.</returns>
    public async Task<bool> RemovePodAsync(string uid, CancellationToken cancel)
    {
        if (!Tree.PerQos) return true;       // the group is everybody's
        bool gone = true;
        foreach (QosClass qos in Tiers)
            if (Tree.Path(Tree.Pod(uid, qos)) is var path && groups.Exists(path))
                gone &= await driver.DestroyAsync(path, cancel);
        return gone;
    }

    /// <summary>Removes one leaf, such as a dead sandbox's.</summary>
    public Task<bool> RemoveLeafAsync(string path, CancellationToken cancel) => driver.DestroyAsync(path, cancel);

    /// <summary>Every pod's group under kubepods, whoever made it.</summary>
    public ImmutableArray<FoundPodCgroup> ListPods() => ListPods(Tree, groups);

    /// <inheritdoc cref="ListPods()"/>
    public static ImmutableArray<FoundPodCgroup> ListPods(CgroupTree tree, CgroupFs groups)
    {
        if (!tree.PerQos) return [];
        return
        [
            .. from qos in Tiers
               let tier = tree.Path(tree.Tier(qos))
               from directory in groups.Children(tier)
               let uid = tree.PodUid(directory)
               where uid is not null
               let path = $"{tier}/{directory}"
               select new FoundPodCgroup(uid, path, groups),
        ];
    }

    private string HolderParent => Tree.Path(Tree.Root.Child(Holders));

    private static CgroupValues Values(GroupLimits limits) => new(
        limits.CpuShares,
        limits.CpuShares is { } shares ? CpuConversions.LinearWeight(shares) : null,
        limits.CpuQuota,
        limits.CpuPeriod,
        limits.Memory,
        limits.MemoryAndSwap,
        limits.Pids,
        limits.Hugepages);

    [LoggerMessage(Level = LogLevel.Warning, Message = "limit of pod {PodNamespace}/{PodName}'s cgroup was refused: {Cause}")]
    private partial void PodLimitRefused(string podNamespace, string podName, string cause);
}
