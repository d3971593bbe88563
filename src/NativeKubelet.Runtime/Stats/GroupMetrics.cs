using System.Collections.Immutable;
using System.Globalization;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Stats;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Cgroups;

namespace NativeKubelet.Runtime.Stats;

/// <summary>
/// Reads what /metrics/cadvisor tells beyond the periodic samples. It does so when it is asked, and whoever asks keeps the text for as long
/// as the sample is the last one: a node that nobody scrapes pays nothing.
/// </summary>
/// <param name="sandboxImage">The image that a sandbox is told to have; dashboards look for its network by it, although ours has none.</param>
public sealed class GroupMetrics(IContainerRuntime runtime, PodCgroups cgroups, ContainerMeter meter, RuntimePaths paths, MachineLabels machine, string sandboxImage)
{
    private readonly byte[] _scratch = new byte[CgroupUsageReader.ScratchBytes];
    private readonly Dictionary<(int, int), string> _devices = [];

    /// <summary>Not for two threads at once.</summary>
    public void Write(UsageSnapshot usage, MetricText to)
    {
        CgroupTree tree = cgroups.Tree;
        ImmutableDictionary<string, ContainerDisk> disks = meter.Look();
        List<CadvisorRow> rows = [new(CadvisorMetrics.Labels("/"), usage.Node, Details("/"), Figures(InterfaceCounters.Own().All), null)
        {
            Disks = FileSystemRow.Of([paths.Root, paths.Data], Device), Processes = Processes("/"), OpenFilesLimit = ProcFs.OpenFilesLimit(1),
        }];
        FileSystemRow? layers = FileSystemRow.Of([paths.Data], Device).FirstOrDefault();
        if (tree.PerQos)
            foreach (CgroupName group in new[] { tree.Node, tree.Tier(QosClass.Burstable), tree.Tier(QosClass.BestEffort) }.Distinct())
                rows.Add(new(CadvisorMetrics.Labels(tree.Path(group)), null, Details(tree.Path(group)), [], null) { Processes = Processes(tree.Path(group)) });
        foreach (SandboxState sandbox in runtime.Sandboxes)
            if (cgroups.FindPod(sandbox.PodUid) is { } pod) Add(sandbox, pod, usage, id => layers is not null && disks.TryGetValue(id, out ContainerDisk? disk) ? [layers with { UsedBytes = disk.Layer.Bytes }] : [], rows);
        CadvisorMetrics.Write(rows, usage.At.ToUnixTimeMilliseconds(), Device, to);
        machine.Write(to);
    }

    private void Add(SandboxState sandbox, CgroupName pod, UsageSnapshot usage, Func<string, ImmutableArray<FileSystemRow>> disks, List<CadvisorRow> rows)
    {
        CgroupTree tree = cgroups.Tree;
        (string name, string space) = (sandbox.PodName, sandbox.PodNamespace);
        if (tree.PerQos && usage.Pods.TryGetValue(sandbox.PodUid, out UsageSample whole))
            rows.Add(new(CadvisorMetrics.Labels(tree.Path(pod), pod: name, space: space), whole, Details(tree.Path(pod)), [], null) { Processes = Processes(tree.Path(pod)) });
        ContainerState[] running = [.. sandbox.Containers.Where(c => c.Phase == ContainerPhase.Running)];
        foreach (ContainerState container in running)
            if (usage.Containers.TryGetValue(container.Id, out UsageSample own))
                rows.Add(new(
                    CadvisorMetrics.Labels(tree.LeafPath(pod, container.Id), container.Id, container.Image, container.Name, name, space), own,
                    Details(tree.LeafPath(pod, container.Id)), [], container.StartedAt)
                {
                    Disks = disks(container.Id),
                    Processes = Processes(tree.LeafPath(pod, container.Id)),
                    OpenFilesLimit = ProcFs.OpenFilesLimit(container.Pid),
                });
        // All containers share the sandbox's network, and any of them shows it.
        if (!sandbox.Ready) return;
        rows.Add(new(
            CadvisorMetrics.Labels(tree.LeafPath(pod, sandbox.Id), sandbox.Id, sandboxImage, "", name, space), null, null,
            sandbox.HostNetwork || running is [] ? [] : Figures(InterfaceCounters.OfProcess(running[0].Pid)), sandbox.CreatedAt));
    }

    public static ImmutableArray<InterfaceFigures> Figures(ImmutableArray<InterfaceCounters> counters) =>
        [.. counters.Select(c => new InterfaceFigures(c.Name, c.RxBytes, c.RxPackets, c.RxErrors, c.RxDropped, c.TxBytes, c.TxPackets, c.TxErrors, c.TxDropped))];

    private GroupProcesses? Processes(string group) => GroupProcesses.Read(cgroups.Layout, group, _scratch);

    private CgroupDetails Details(string group) => CgroupDetails.Read(cgroups.Layout, group, _scratch);

    /// <summary>/dev/sda for 8:0; empty where the kernel does not say. The number of devices is small, and what one is called stays.</summary>
    private string Device(int major, int minor)
    {
        if (_devices.TryGetValue((major, minor), out string? known)) return known;
        string name = "", path = string.Create(CultureInfo.InvariantCulture, $"/sys/dev/block/{major}:{minor}/uevent");
        if (File.Exists(path))
            foreach (string line in File.ReadLines(path))
                if (line.StartsWith("DEVNAME=", StringComparison.Ordinal)) name = $"/dev/{line["DEVNAME=".Length..]}";
        return _devices[(major, minor)] = name;
    }
}
