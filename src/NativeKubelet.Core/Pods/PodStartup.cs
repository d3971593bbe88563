using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Core.Pods;

/// <summary>
/// What of a pod's start is not the node's own time: pulls of its images and the runs of its init containers. The rest, from the pod's
/// creation until the API server shows all of its containers running, is what the latency of starts is judged by.
/// </summary>
/// <param name="Pulls">When those began that have not succeeded yet; one that fails goes on with its next try.</param>
/// <param name="Pulling">So long some pull was under way.</param>
/// <param name="PulledUntil">What is counted in it already.</param>
/// <param name="Inits">By the instance's ID.</param>
public sealed record PodStartup(ValueList<DateTimeOffset> Pulls, TimeSpan Pulling, DateTimeOffset PulledUntil, ImmutableDictionary<string, TimeSpan> Inits)
{
    public static PodStartup Begun { get; } = new([], TimeSpan.Zero, DateTimeOffset.MinValue, ImmutableDictionary<string, TimeSpan>.Empty);

    /// <summary>A pod of a cluster that no agent has taken up yet, and that was not kept waiting for its place.</summary>
    public static bool Counts(V1Pod pod) =>
        StaticPodIdentity.IsFromApi(pod) && pod.Status?.StartTime is null && !PodPhases.IsFinal(pod) && pod.Status?.Conditions?.Any(c => c is { Type: "PodScheduled", Status: "False" }) != true;

    /// <summary>As the API server shows it.</summary>
    public static bool HasStarted(V1Pod pod) =>
        pod.Status?.ContainerStatuses is { } all && all.Count >= pod.Spec.Containers.Count && all.All(c => c.State?.Running?.StartedAt is not null);

    /// <summary>With a volume that is more than files of objects and empty directories; its start is nobody's promise.</summary>
    public static bool IsStateful(V1PodSpec spec) =>
        spec.Volumes?.Any(v => v is { Secret: null, ConfigMap: null, DownwardAPI: null, EmptyDir: null, Projected: null }) == true;

    public PodStartup WithPullBegun(DateTimeOffset now) => this with { Pulls = [.. Pulls, now] };

    /// <summary>The pull that began first ends first; time in which two were under way counts once.</summary>
    public PodStartup WithPullEnded(DateTimeOffset now)
    {
        if (Pulls.Count == 0) return this;
        DateTimeOffset from = Pulls[0] > PulledUntil ? Pulls[0] : PulledUntil;
        PodStartup ended = this with { Pulls = [.. Pulls.Skip(1)] };
        return now <= from ? ended : ended with { Pulling = Pulling + (now - from), PulledUntil = now };
    }

    /// <summary>Told again, it counts once.</summary>
    public PodStartup WithInit(string id, TimeSpan took) => took <= TimeSpan.Zero || Inits.ContainsKey(id) ? this : this with { Inits = Inits.Add(id, took) };

    /// <param name="total">From the pod's creation, by the API server's clock: never below zero, as that may differ from ours.</param>
    public TimeSpan OwnOf(TimeSpan total)
    {
        TimeSpan own = total - Pulling - TimeSpan.FromTicks(Inits.Values.Sum(took => took.Ticks));
        return own < TimeSpan.Zero ? TimeSpan.Zero : own;
    }
}
