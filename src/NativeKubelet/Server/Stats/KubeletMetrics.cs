using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Stats;
using NativeKubelet.Core.Volumes;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Stats;

/// <summary>/metrics: the agent itself (spec 20 §10.4).</summary>
/// <param name="measures">What those who do things count of them.</param>
internal sealed class KubeletMetrics(
    string node, bool unified, StatusBoard board, IContainerRuntime runtime, NodeStatsReader stats, ImmutableArray<Action<MetricText>> measures, DateTimeOffset started)
{
    private static readonly (string Name, string Help, Func<VolumeStats, long> Value)[] ClaimFamilies =
    [
        ("available_bytes", "Number of available bytes in the volume", v => v.Storage.AvailableBytes),
        ("capacity_bytes", "Capacity in bytes of the volume", v => v.Storage.TotalBytes),
        ("inodes", "Maximum number of inodes in the volume", v => v.Storage.Inodes),
        ("inodes_free", "Number of free inodes in the volume", v => v.Storage.FreeInodes),
        ("inodes_used", "Number of used inodes in the volume", v => v.InodesUsed),
        ("used_bytes", "Number of used bytes in the volume", v => v.Storage.UsedBytes),
    ];

    public void Write(MetricText to)
    {
        SandboxState[] sandboxes = [.. runtime.Sandboxes];
        to.Family("kubelet_node_name", "gauge", "[ALPHA] The node's name. The count is always 1.").Sample(MetricText.Label("node", node), 1);
        to.Family("kubelet_running_pods", "gauge", "[ALPHA] Number of pods that have a running pod sandbox").Sample("", sandboxes.Where(s => s.Ready).Select(s => s.PodUid).Distinct().Count());
        to.Family("kubelet_running_containers", "gauge", "[ALPHA] Number of containers currently running");
        foreach (IGrouping<ContainerPhase, ContainerState> phase in sandboxes.SelectMany(s => s.Containers).GroupBy(c => c.Phase).OrderBy(g => g.Key))
            to.Sample(MetricText.Label("container_state", phase.Key.ToString().ToLowerInvariant()), phase.Count());
        PodView[] pods = [.. board.Now.Pods.Values];
        to.Family("kubelet_desired_pods", "gauge", "[ALPHA] The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.");
        BySource(to, pods);
        to.Family("kubelet_active_pods", "gauge", "[ALPHA] The number of pods the kubelet considers active and which are being considered when admitting new pods. static is true if the pod is not from the apiserver.");
        BySource(to, pods.Where(p => !p.Status.IsTerminal));
        Resizes(to, pods);
        to.Family("kubelet_cgroup_version", "gauge", "[ALPHA] cgroup version on the hosts.").Sample("", unified ? 2 : 1);
        Volumes(to);
        VolumeCounts(to, pods, [.. sandboxes.Select(s => s.PodUid)]);
        foreach (Action<MetricText> write in measures) write(to);
        Build(to);
        Process(to);
    }

    private static void BySource(MetricText to, IEnumerable<PodView> pods)
    {
        int[] counts = new int[2];
        foreach (PodView pod in pods) counts[StaticPodIdentity.IsFromApi(pod.Pod) ? 0 : 1]++;
        to.Sample(MetricText.Label("static", ""), counts[0]);
        to.Sample(MetricText.Label("static", "true"), counts[1]);
    }

    private static void Resizes(MetricText to, PodView[] pods)
    {
        to.Family("kubelet_pod_pending_resizes", "gauge", "[ALPHA] Number of pending resizes for pods.");
        foreach (IGrouping<string, PodCondition> reason in pods.SelectMany(p => p.Status.Conditions).Where(c => c.Type == ResizeConditions.Pending).GroupBy(c => c.Reason).OrderBy(g => g.Key, StringComparer.Ordinal))
            to.Sample(MetricText.Label("reason", reason.Key.ToLowerInvariant()), reason.Count());
        to.Family("kubelet_pod_in_progress_resizes", "gauge", "[ALPHA] Number of in-progress resizes for pods.")
            .Sample("", pods.Count(p => p.Status.Conditions.Any(c => c.Type == ResizeConditions.InProgress)));
    }

    /// <summary>A pod's volumes are made before its sandbox, and end after it.</summary>
    private static void VolumeCounts(MetricText to, PodView[] pods, HashSet<string> made)
    {
        to.Family("volume_manager_total_volumes", "gauge", "[ALPHA] Number of volumes in Volume Manager");
        foreach ((string state, IEnumerable<PodView> of) in ((string, IEnumerable<PodView>)[])[
            ("desired_state_of_world", pods.Where(p => !p.Status.IsTerminal)), ("actual_state_of_world", pods.Where(p => made.Contains(p.Uid)))])
            foreach (IGrouping<string, V1Volume> plugin in of.SelectMany(p => VolumeUse.Used(p.Pod)).GroupBy(VolumePlugin.Of))
                to.Sample($"{MetricText.Label("plugin_name", plugin.Key)},{MetricText.Label("state", state)}", plugin.Count());
    }

    private void Volumes(MetricText to)
    {
        (string Labels, VolumeStats Volume)[] claims =
        [
            .. from pod in stats.ReadWithDisks().Pods
               from volume in pod.Volumes
               where volume.Claim is not null
               group volume by $"{MetricText.Label("namespace", pod.Namespace)},{MetricText.Label("persistentvolumeclaim", volume.Claim!)}" into same     // pods may share a claim
               select (same.Key, same.First()),
        ];
        foreach ((string name, string help, Func<VolumeStats, long> value) in ClaimFamilies)
        {
            to.Family("kubelet_volume_stats_" + name, "gauge", "[ALPHA] " + help);
            foreach ((string labels, VolumeStats volume) in claims) to.Sample(labels, value(volume));
        }
    }

    private static void Build(MetricText to)
    {
        string[] version = KubeletVersion.Text.TrimStart('v').Split('.');
        to.Family("kubernetes_build_info", "gauge", "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.")
            .Sample(string.Join(
                ',', MetricText.Label("build_date", ""), MetricText.Label("compiler", "nativeaot"), MetricText.Label("git_commit", ""), MetricText.Label("git_tree_state", ""),
                MetricText.Label("git_version", KubeletVersion.Text), MetricText.Label("go_version", ""), MetricText.Label("major", version[0]), MetricText.Label("minor", version[1]),
                MetricText.Label("platform", $"linux/{Cluster.ApiTransport.Architecture}")), 1);
    }

    /// <summary>By the names that the Go runtime's collector gave them, which dashboards read; goroutines are this process's threads.</summary>
    private void Process(MetricText to)
    {
        to.Family("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.").Sample("", Environment.CpuUsage.TotalTime.TotalSeconds);
        to.Family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.").Sample("", Environment.WorkingSet);
        to.Family("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.").Sample("", VirtualPages() * Environment.SystemPageSize);
        to.Family("process_open_fds", "gauge", "Number of open file descriptors.").Sample("", Directory.EnumerateFileSystemEntries("/proc/self/fd").Count());
        to.Family("process_max_fds", "gauge", "Maximum number of open file descriptors.").Known("", ProcFs.OpenFilesLimit(Environment.ProcessId) is >= 0 and { } most ? most : null);
        to.Family("process_start_time_seconds", "gauge", "[STABLE] Start time of the process since unix epoch in seconds.").Sample("", started.ToUnixTimeMilliseconds() / 1e3);
        to.Family("go_goroutines", "gauge", "Number of goroutines that currently exist.").Sample("", Directory.EnumerateFileSystemEntries("/proc/self/task").Count());
    }

    /// <summary>The first number of /proc/self/statm (proc(5)).</summary>
    private static long VirtualPages() => long.TryParse(File.ReadAllText("/proc/self/statm").Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out long pages) ? pages : 0;
}
