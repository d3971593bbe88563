using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>What is wanted of one pod UID: its newest spec, and whether it shall end.</summary>
public sealed record PodIntent(V1Pod Pod, PodStop? Stop = null)
{
    /// <summary>A pod's own grace when it says nothing, as the API server would have filled in.</summary>
    private static readonly TimeSpan UnsetGrace = TimeSpan.FromSeconds(30);

    /// <summary>Below this no container is told to stop: it would have no time to react (the kubelet's own floor).</summary>
    public static readonly TimeSpan ShortestGrace = TimeSpan.FromSeconds(2);

    public string Uid => Pod.Metadata.Uid;

    public RestartPolicy Restart => RestartRule.Parse(Pod.Spec.RestartPolicy);

    public bool HostNetwork => Pod.Spec.HostNetwork == true;

    /// <summary>What each container gets between its stop signal and SIGKILL.</summary>
    public TimeSpan Grace
    {
        get
        {
            TimeSpan grace = Stop?.Grace ?? OwnGrace;
            return grace < ShortestGrace ? ShortestGrace : grace;
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
        return stop.Grace is { } asked && asked < now ? this with { Stop = Stop with { Grace = asked } } : this;
    }

    /// <summary>A newer spec of the same UID; a stop that was asked for stays.</summary>
    public PodIntent WithPod(V1Pod pod) => this with { Pod = pod };
}

public enum StopCause
{
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
