using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Pods;

/// <summary>Times the starts of a cluster's pods from their creation until the API server shows them running; <see cref="PodStartup"/> says what counts.</summary>
public sealed class PodStartups
{
    private readonly HistogramFamily _own = new(
        "kubelet_pod_start_sli_duration_seconds",
        "[ALPHA] Duration in seconds to start a pod, excluding time to pull images and run init containers, measured from pod creation timestamp to when all its containers are reported as started and observed via watch",
        Buckets.OfStart);

    private readonly HistogramFamily _total = new(
        "kubelet_pod_start_total_duration_seconds",
        "[ALPHA] Duration in seconds to start a pod since creation, including time to pull images and run init containers, measured from pod creation timestamp to when all its containers are reported as started and observed via watch",
        Buckets.OfStart);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, PodStartup> _pods = [];     // under _gate, by UID; those that have not started yet
    private TimeSpan? _firstWithNetwork;                            // under _gate

    /// <summary>Its worker begins.</summary>
    public void Seen(V1Pod pod)
    {
        if (!PodStartup.Counts(pod)) return;
        lock (_gate) _pods.TryAdd(pod.Metadata.Uid, PodStartup.Begun);
    }

    public void PullBegun(string uid, DateTimeOffset now) => Change(uid, p => p.WithPullBegun(now));

    /// <summary>The image is there.</summary>
    public void PullEnded(string uid, DateTimeOffset now) => Change(uid, p => p.WithPullEnded(now));

    /// <summary>Init containers that have ended; sidecars run on and are none of them.</summary>
    public void Inits(V1Pod pod, PodObserved observed)
    {
        foreach (V1Container init in pod.Spec.InitContainers ?? [])
        {
            if (PodResources.IsSidecar(init)) continue;
            foreach (ContainerObserved instance in observed.Instances(init.Name))
                if (instance is { State: ContainerRunState.Exited, StartedAt: { } started, FinishedAt: { } finished })
                    Change(pod.Metadata.Uid, p => p.WithInit(instance.Id, finished - started));
        }
    }

    /// <summary>Looks at what the API server shows of the pods that are starting.</summary>
    /// <param name="known">By UID.</param>
    public void Observe(IReadOnlyDictionary<string, V1Pod> known, DateTimeOffset now)
    {
        lock (_gate)
            foreach ((string uid, PodStartup startup) in _pods)
            {
                V1Pod? pod = known.GetValueOrDefault(uid);
                bool started = pod is not null && !PodPhases.IsFinal(pod) && PodStartup.HasStarted(pod);
                if (started) Measure(pod!, startup, now);
                if (started || pod is null || PodPhases.IsFinal(pod)) _pods.Remove(uid);
            }
    }

    public void Write(MetricText to)
    {
        _own.Write(to);
        _total.Write(to);
        TimeSpan first;
        lock (_gate) first = _firstWithNetwork ?? TimeSpan.Zero;
        to.Family(
            "kubelet_first_network_pod_start_sli_duration_seconds", "gauge",
            "[INTERNAL] Duration in seconds to start the first network pod, excluding time to pull images and run init containers, measured from pod creation timestamp to when all its containers are reported as started and observed via watch")
            .Sample("", first.TotalSeconds);
    }

    private void Measure(V1Pod pod, PodStartup startup, DateTimeOffset now)
    {
        TimeSpan total = pod.Metadata.CreationTimestamp is { } created && now.UtcDateTime > created.ToUniversalTime() ? now.UtcDateTime - created.ToUniversalTime() : TimeSpan.Zero;
        _total.Observe(total);
        if (PodStartup.IsStateful(pod.Spec)) return;
        TimeSpan own = startup.OwnOf(total);
        _own.Observe(own);
        if (pod.Spec.HostNetwork != true) _firstWithNetwork ??= own;
    }

    private void Change(string uid, Func<PodStartup, PodStartup> change)
    {
        lock (_gate)
            if (_pods.TryGetValue(uid, out PodStartup? startup)) _pods[uid] = change(startup);
    }
}
