using k8s.Models;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Pods;

/// <summary>What is wanted of one pod UID: its newest spec with the resources that it was granted, and whether it shall end.</summary>
public sealed record PodIntent(V1Pod Pod, PodStop? Stop = null)
{
    /// <summary>A pod's own grace when it says nothing, as the API server would have filled in.</summary>
    private static readonly TimeSpan UnsetGrace = TimeSpan.FromSeconds(30);

    /// <summary>A pod that is ended has at least this much for its hooks.</summary>
    private static readonly TimeSpan ShortestGrace = TimeSpan.FromSeconds(1);

    /// <summary>How the pod's newest spec and its grant differ; null for a pod that never asked for another.</summary>
    public ResizeOutlook? Resize { get; init; }

    public string Uid => Pod.Metadata.Uid;

    public RestartPolicy Restart => RestartRule.Parse(Pod.Spec.RestartPolicy);

    public bool HostNetwork => Pod.Spec.HostNetwork == true;

    /// <summary>Init containers in their order, then the regular ones in theirs, then those for debugging.</summary>
    public IEnumerable<WantedContainer> Wanted => Init.Concat(Regular).Concat(Ephemeral);

    public IEnumerable<WantedContainer> Init => (Pod.Spec.InitContainers ?? [])
        .Select(c => new WantedContainer(c, PodResources.IsSidecar(c) ? ContainerRole.Sidecar : ContainerRole.Init));

    public IEnumerable<WantedContainer> Regular => Pod.Spec.Containers.Select(c => new WantedContainer(c, ContainerRole.Regular));

    public IEnumerable<WantedContainer> Ephemeral =>
        (Pod.Spec.EphemeralContainers ?? []).Select(c => new WantedContainer(ContainerSpecs.AsContainer(c), ContainerRole.Ephemeral));

    /// <summary>No container gets longer than that, whatever the pod and whoever stops it say; null: they decide.</summary>
    public TimeSpan? MostGrace { get; init; }

    /// <summary>What each container gets to end by itself: its hook and the time after its stop signal.</summary>
    public TimeSpan Grace
    {
        get
        {
            TimeSpan grace = Stop?.Grace ?? OwnGrace;
            if (MostGrace < grace) grace = MostGrace.Value;
            return Stop is not null && grace < ShortestGrace ? ShortestGrace : grace;
        }
    }

    private TimeSpan OwnGrace => (Pod.Metadata.DeletionGracePeriodSeconds ?? Pod.Spec.TerminationGracePeriodSeconds) is { } seconds
        ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, int.MaxValue))
        : UnsetGrace;

    /// <summary>A stop is never lost or taken back: the first cause stays, and the grace only gets shorter.</summary>
    public PodIntent WithStop(PodStop stop)
    {
        if (Stop is null)
            return this with { Stop = stop };
        TimeSpan now = Stop.Grace ?? OwnGrace;
        PodStop next = stop.Grace is { } asked && asked < now ? Stop with { Grace = asked } : Stop;
        // Its object has gone: what was kept for that is not needed any more.
        if (next.Cause == StopCause.Deleted && stop.Cause != StopCause.Deleted) next = next with { Cause = stop.Cause };
        return next == Stop ? this : this with { Stop = next };
    }

    /// <summary>A newer spec of the same UID; a stop that was asked for stays.</summary>
    public PodIntent WithPod(V1Pod pod, ResizeOutlook? resize = null) => this with { Pod = pod, Resize = resize };
}

public enum StopCause
{
    /// <summary>Its object is being deleted: it ends, and its last status is told until the object has gone.</summary>
    Deleted,

    /// <summary>No source names the pod any more.</summary>
    Removed,

    /// <summary>The program ends and takes its pods along (the <c>run</c> verb); an agent that stops does not.</summary>
    Shutdown,

    /// <summary>The runtime holds it, but no source ever named it in this agent's life.</summary>
    Orphaned,
}

/// <summary>A request to end a pod for good: when it is carried out, nothing of the pod is left.</summary>
/// <param name="Grace">Null: what the pod itself says.</param>
public sealed record PodStop(StopCause Cause, TimeSpan? Grace = null);
