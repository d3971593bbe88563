using System.Collections.Immutable;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Cgroups;

namespace NativeKubelet.Runtime.Recovery;

/// <param name="Group">Of the pod, below a hierarchy's root.</param>
/// <param name="Processes">Alive when they were looked for.</param>
public sealed record ForeignPod(string Uid, string Group, ImmutableArray<ForeignProcess> Processes);

public readonly record struct ForeignProcess(int Pid, string Name)
{
    public override string ToString() => $"{Name} (pid {Pid})";
}

/// <summary>
/// Pods that run under our root and that no record of ours knows: another kubelet's. Two nodes on one tree would end each
/// other's pods, so the agent does not start beside them unasked; the doctor says so before.
/// </summary>
public static class ForeignPods
{
    private const int MostNamed = 5;

    /// <summary>Looks for both drivers' names: the other kubelet need not be set as this one is.</summary>
    public static ImmutableArray<ForeignPod> Find(CgroupTree tree, CgroupFs groups, RuntimePaths paths)
    {
        if (!tree.PerQos) return [];       // one group for everybody tells nobody's pods from another's
        CgroupDriver[] drivers = [CgroupDriver.Cgroupfs, CgroupDriver.Systemd];
        List<FoundPodCgroup> strange = [.. drivers.SelectMany(d => PodCgroups.ListPods(tree with { Driver = d }, groups))];
        // In this order: RUN holds one small file for every pod that runs, DATA one for every container that ever ran.
        foreach (Func<RuntimePaths, IEnumerable<string>> records in (Func<RuntimePaths, IEnumerable<string>>[])[KnownPods.OfRun, KnownPods.OfData])
        {
            if (strange.Count == 0) break;
            HashSet<string> known = [.. records(paths)];
            strange.RemoveAll(p => known.Contains(p.Uid));
        }
        return
        [
            .. from pod in strange
               let processes = Named(pod.Processes)
               where processes.Length > 0
               orderby pod.Path
               select new ForeignPod(pod.Uid, pod.Path, processes),
        ];
    }

    /// <summary>One sentence for all of them.</summary>
    public static string Describe(ImmutableArray<ForeignPod> pods)
    {
        ImmutableArray<ForeignProcess> all = [.. pods.SelectMany(p => p.Processes)];
        string more = all.Length > MostNamed ? $" and {all.Length - MostNamed} more" : "";
        return $"{string.Join(", ", all.Take(MostNamed))}{more} in {pods[0].Group}{(pods.Length > 1 ? $" and {pods.Length - 1} more groups" : "")}";
    }

    private static ImmutableArray<ForeignProcess> Named(IEnumerable<int> pids) =>
        [.. from pid in pids.Order() let name = ProcFs.Comm(pid) where name is not null select new ForeignProcess(pid, name)];
}
