using System.Collections.Immutable;
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
/// The one writer of the node's, the tiers' and the pods' control groups (spec 40 §3). Containers' own groups are the OCI
/// runtime's. Calls for one pod come from its worker; calls for different pods may run in parallel.
/// </summary>
public sealed partial class PodCgroups
{
    private static readonly QosClass[] Tiers = [QosClass.Guaranteed, QosClass.Burstable, QosClass.BestEffort];

    private readonly CgroupFs _groups;
    private readonly LimitSettings _settings;
    private readonly ILogger _log;

    /// <exception cref="NotSupportedException">The tree is for the systemd driver.</exception>
    public PodCgroups(CgroupTree tree, CgroupFs groups, LimitSettings settings, ILogger<PodCgroups> log)
    {
        if (tree.Driver != CgroupDriver.Cgroupfs)
            throw new NotSupportedException("cgroupDriver systemd: this build makes control groups itself only; set cgroupDriver to cgroupfs");
        (Tree, _groups, _settings, _log) = (tree, groups, settings, log);
    }

    public CgroupTree Tree { get; }

    public CgroupLayout Layout => _groups.Layout;

    /// <summary>Where holders live: beside the pods, so that a pod's CPU limit does not slow its own start.</summary>
    public string HolderGroup => Tree.Path(Tree.Root).TrimEnd('/') + "/nativekubelet";

    /// <summary>Makes cgroupRoot (for a root of one's own; the configured one must exist), and removes it with all in it.</summary>
    public void CreateRoot() => _groups.Create(Tree.Path(Tree.Root));

    /// <returns>False when a process would not die in time.</returns>
    public Task<bool> RemoveRootAsync(CancellationToken cancel) => _groups.DestroyAsync(Tree.Path(Tree.Root), cancel);

    /// <exception cref="ErrnoException">A limit was refused (version 1: below what is in use); groups exist all the same.</exception>
    public void EnsureNode(GroupLimits limits)
    {
        _groups.Create(HolderGroup);
        if (!Tree.PerQos) return;
        foreach (QosClass qos in Tiers) _groups.Create(Tree.Path(Tree.Tier(qos)));
        _groups.Apply(Tree.Path(Tree.Tier(QosClass.BestEffort)), Values(new GroupLimits(CpuShares: CpuConversions.LeastShares)));
        _groups.Apply(Tree.Path(Tree.Node), Values(limits));
    }

    /// <summary>The Burstable tier weighs as much as its active pods ask for together.</summary>
    public void UpdateBurstableShares(IEnumerable<V1Pod> active)
    {
        if (!Tree.PerQos) return;
        long milli = active.Where(p => QosClasses.Of(p) == QosClass.Burstable).Sum(p => PodResources.Requests(p.Spec)["cpu"].Milli);
        _groups.Apply(Tree.Path(Tree.Tier(QosClass.Burstable)), Values(new GroupLimits(CpuShares: CpuConversions.Shares(milli))));
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
        return _groups.FirstExisting(paths) is { } found ? names[Array.IndexOf(paths, found)] : null;
    }

    /// <summary>Makes the pod's group and sets its limits; a group that exists is left as it is.</summary>
    /// <exception cref="FormatException">The pod asks for something that is no amount, or not here.</exception>
    /// <exception cref="IOException">The group cannot be made. A refused value is only logged.</exception>
    public PodCgroup EnsurePod(V1Pod pod)
    {
        PodCgroup group = Of(pod);
        if (!Tree.PerQos) return group;
        GroupLimits limits = PodCgroupLimits.Compute(pod, _settings);
        if (_groups.Exists(group.Path))
        {
            _groups.Create(group.Path);       // completes hierarchies in which it is missing
            return group;
        }
        _groups.Create(group.Path);
        try
        {
            _groups.Apply(group.Path, Values(limits));
        }
        catch (ErrnoException e)
        {
            PodLimitRefused(pod.Metadata.NamespaceProperty, pod.Metadata.Name, e.Message);
        }
        return group;
    }

    /// <summary>linux.cgroupsPath for one of the pod's containers.</summary>
    public string CgroupsPath(PodCgroup pod, string containerId) => Tree.CgroupsPath(pod.Name, containerId);

    /// <summary>The pause's own group below the pod's.</summary>
    /// <returns>Its path, for <see cref="Attach"/>.</returns>
    public string EnsureLeaf(PodCgroup pod, string sandboxId)
    {
        string path = Tree.LeafPath(pod.Name, sandboxId);
        _groups.Create(path);
        return path;
    }

    public void Attach(string path, int pid) => _groups.Attach(path, pid);

    /// <summary>Kills what is left of the pod and removes its groups, in whichever tier they are. Gone already is success.</summary>
    /// <returns>False when something would not go yet: ask again at the next housekeeping.</returns>
    public async Task<bool> RemovePodAsync(string uid, CancellationToken cancel)
    {
        if (!Tree.PerQos) return true;       // the group is everybody's
        bool gone = true;
        foreach (QosClass qos in Tiers)
            if (Tree.Path(Tree.Pod(uid, qos)) is var path && _groups.Exists(path))
                gone &= await _groups.DestroyAsync(path, cancel).ConfigureAwait(false);
        return gone;
    }

    /// <summary>Removes one leaf, such as a dead sandbox's.</summary>
    public Task<bool> RemoveLeafAsync(string path, CancellationToken cancel) => _groups.DestroyAsync(path, cancel);

    /// <summary>Every pod's group under kubepods, whoever made it.</summary>
    public ImmutableArray<FoundPodCgroup> ListPods()
    {
        if (!Tree.PerQos) return [];
        return
        [
            .. from qos in Tiers
               let tier = Tree.Path(Tree.Tier(qos))
               from directory in _groups.Children(tier)
               let uid = Tree.PodUid(directory)
               where uid is not null
               let path = $"{tier}/{directory}"
               select new FoundPodCgroup(uid, path, _groups),
        ];
    }

    private static CgroupValues Values(GroupLimits limits) => new(
        limits.CpuShares,
        limits.CpuShares is { } shares ? CpuConversions.LinearWeight(shares) : null,
        limits.CpuQuota,
        limits.CpuPeriod,
        limits.Memory,
        limits.Pids,
        limits.Hugepages);

    [LoggerMessage(Level = LogLevel.Warning, Message = "limit of pod {PodNamespace}/{PodName}'s cgroup was refused: {Cause}")]
    private partial void PodLimitRefused(string podNamespace, string podName, string cause);
}
