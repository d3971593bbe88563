using System.Globalization;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Pods;

/// <summary>What dashboards and alerts ask of the pods' loops: how long they take, and what they began.</summary>
public sealed class PodMeasures
{
    /// <summary>From what woke a pod's worker to its next sleep.</summary>
    public HistogramFamily Turns { get; } = new(
        "kubelet_pod_worker_duration_seconds", "[ALPHA] Duration in seconds to sync a single pod. Broken down by operation type: create, update, or sync", Buckets.Usual, "operation_type");

    public HistogramFamily WorkerStarts { get; } = new(
        "kubelet_pod_worker_start_duration_seconds", "[ALPHA] Duration in seconds from kubelet seeing a pod to starting a worker.", Buckets.Usual);

    public HistogramFamily Starts { get; } = new(
        "kubelet_pod_start_duration_seconds", "[ALPHA] Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run", Buckets.OfStart);

    public PodStartups Startups { get; } = new();

    /// <summary>By "true" for a static pod, and nothing.</summary>
    public CounterFamily Restarted { get; } = new(
        "kubelet_restarted_pods_total",
        "[ALPHA] Number of pods that have been restarted because they were deleted and recreated with the same UID while the kubelet was watching them (common for static pods, extremely uncommon for API pods)",
        "static");

    public CounterFamily Orphans { get; } = new(
        "kubelet_orphaned_runtime_pods_total", "[ALPHA] Number of pods that have been detected in the container runtime without being already known to the pod worker.");

    public CounterFamily Sandboxes { get; } = new("kubelet_started_pods_total", "[ALPHA] Cumulative number of pods started");

    public CounterFamily FailedSandboxes { get; } = new("kubelet_started_pods_errors_total", "[ALPHA] Cumulative number of errors when starting pods");

    /// <summary>Of those counted as <see cref="Sandboxes"/>, the ones with hostUsers: false.</summary>
    public CounterFamily UserSandboxes { get; } = new(
        "kubelet_started_user_namespaced_pods_total", "[ALPHA] Cumulative number of pods with user namespaces started. This metric will only be collected on Linux.");

    public CounterFamily FailedUserSandboxes { get; } = new(
        "kubelet_started_user_namespaced_pods_errors_total", "[ALPHA] Cumulative number of errors when starting pods with user namespaces. This metric will only be collected on Linux.");

    public CounterFamily Containers { get; } = new("kubelet_started_containers_total", "[ALPHA] Cumulative number of containers started", "container_type");

    /// <summary>By the waiting reason, of which there are a few.</summary>
    public CounterFamily FailedContainers { get; } = new(
        "kubelet_started_containers_errors_total", "[ALPHA] Cumulative number of errors when starting containers", "container_type", "code");

    public CounterFamily Evictions { get; } = new("kubelet_evictions", "[ALPHA] Cumulative number of pod evictions by eviction signal", "eviction_signal");

    /// <summary>Every end once, also of a container that runs again before anybody looked.</summary>
    public CounterFamily Ends { get; } = new(
        "kubelet_terminated_containers_total", "[ALPHA] Cumulative number of container terminations.", "container_type", "exit_code", "reason");

    /// <summary>Counts the ends that a pod's new status tells of and its former one did not.</summary>
    public void Ended(PodStatus before, PodStatus now)
    {
        if (ReferenceEquals(before, now)) return;
        Count("init_container", before.InitContainers, now.InitContainers);
        Count("container", before.Containers, now.Containers);
        Count("ephemeral_container", before.EphemeralContainers, now.EphemeralContainers);
    }

    public void Write(MetricText to)
    {
        foreach (HistogramFamily family in (HistogramFamily[])[Turns, WorkerStarts, Starts]) family.Write(to);
        Startups.Write(to);
        foreach (CounterFamily family in (CounterFamily[])[Restarted, Orphans, Sandboxes, FailedSandboxes, UserSandboxes, FailedUserSandboxes, Containers, FailedContainers, Ends, Evictions]) family.Write(to);
    }

    private void Count(string type, ValueList<ContainerStatus> before, ValueList<ContainerStatus> now)
    {
        foreach (ContainerStatus container in now)
            if (EndOf(container) is { } end && end.ContainerId != EndOf(Named(before, container.Name))?.ContainerId)
                Ends.Increment((type, end.ExitCode.ToString(CultureInfo.InvariantCulture), end.Reason));
    }

    // A method of its own: what the lambda captures would be made for every container of every status, ended or not.
    private static ContainerStatus? Named(ValueList<ContainerStatus> containers, string name) => containers.FirstOrDefault(c => c.Name == name);

    private static Terminated? EndOf(ContainerStatus? container) => container?.State as Terminated ?? container?.LastState;
}
