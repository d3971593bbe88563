using System.Collections.Immutable;
using NativeKubelet.Core.Probes;
using NativeKubelet.Core.Resize;

namespace NativeKubelet.Core.Pods;

/// <summary>
/// What a pod's worker knows beside the facts of the runtime: attempts that failed and when they may be repeated, and
/// which of its own steps are done. It is lost when the agent ends and nothing depends on it after a restart.
/// All times are of the steady clock, which no step of the wall clock moves.
/// </summary>
public sealed record PodProgress
{
    public static readonly PodProgress Start = new();

    /// <summary>By container: the last start that failed, until one works.</summary>
    public ImmutableDictionary<string, StartFailure> Failures { get; init; } = ImmutableDictionary<string, StartFailure>.Empty;

    /// <summary>By image: pulls that failed in a row.</summary>
    public ImmutableDictionary<string, PullFailure> Pulls { get; init; } = ImmutableDictionary<string, PullFailure>.Empty;

    /// <summary>Containers that this worker stopped in order to start them anew, whatever their policy and exit code say.</summary>
    public ImmutableHashSet<string> Replacing { get; init; } = [];

    /// <summary>Containers that this worker stopped as failed: they run again after their back-off, whatever their exit code says.</summary>
    public ImmutableHashSet<string> Failing { get; init; } = [];

    /// <summary>Containers that this worker started and whose hook after the start has not ended.</summary>
    public ImmutableHashSet<string> Starting { get; init; } = [];

    /// <summary>Containers whose hook after the start failed: they are ended.</summary>
    public ImmutableHashSet<string> HookFailed { get; init; } = [];

    /// <summary>When the pod was taken up, by an earlier agent perhaps; null: not known.</summary>
    public DateTimeOffset? Begun { get; init; }

    /// <summary>The node ended the pod, and it stays so.</summary>
    public PodFailure? Over { get; init; }

    /// <summary>A resize that was granted and is not in force yet.</summary>
    public ResizeProgress? Resize { get; init; }

    /// <summary>By container ID: what its probes have decided.</summary>
    public ImmutableDictionary<string, ProbeVerdicts> Probes { get; init; } = ImmutableDictionary<string, ProbeVerdicts>.Empty;

    /// <summary>Sandboxes that were taken down properly; a dead one that is not among them still holds network and holder.</summary>
    public ImmutableHashSet<string> StoppedSandboxes { get; init; } = [];

    /// <summary>By container ID.</summary>
    public ImmutableDictionary<string, ContainerClock> Clocks { get; init; } = ImmutableDictionary<string, ContainerClock>.Empty;

    /// <summary>No new sandbox before this moment, as the last one failed.</summary>
    public DateTimeOffset? SandboxRetryAt { get; init; }

    /// <summary>Volumes and cgroup are gone; the pod runs nothing any more.</summary>
    public bool TornDown { get; init; }

    /// <summary>
    /// Takes the times of newly seen containers over from the wall clock. From then on the wall clock may jump by
    /// years without moving a back-off: only the age at first sight is read from it, and never a negative one.
    /// </summary>
    public PodProgress Noting(PodObserved observed, DateTimeOffset wall, DateTimeOffset steady)
    {
        ImmutableDictionary<string, ContainerClock> clocks = Clocks;
        int seen = 0;
        foreach (SandboxObserved sandbox in observed.Sandboxes)
            foreach (ContainerObserved container in sandbox.Containers)
            {
                seen++;
                ContainerClock clock = clocks.GetValueOrDefault(container.Id) ?? new(Steady(container.CreatedAt), null);
                if (!container.MayLive && clock.End is null)
                    clock = clock with { End = Steady(container.FinishedAt ?? wall) };
                clocks = clocks.SetItem(container.Id, clock);
            }
        if (clocks.Count > seen)
        {
            HashSet<string> alive = [.. observed.Containers.Select(c => c.Id)];
            clocks = clocks.RemoveRange(clocks.Keys.Where(id => !alive.Contains(id)));
        }
        return ReferenceEquals(clocks, Clocks) ? this : this with { Clocks = clocks };

        DateTimeOffset Steady(DateTimeOffset time) => time < wall ? steady - (wall - time) : steady;
    }

    public PodProgress Failed(string container, StartFailure failure) => this with { Failures = Failures.SetItem(container, failure) };

    public PodProgress Started(string container) => this with
    {
        Failures = Failures.Remove(container),
        Replacing = Replacing.Remove(container),
        Failing = Failing.Remove(container),
        Starting = Starting.Add(container),
        HookFailed = HookFailed.Remove(container),
    };

    public ProbeVerdicts VerdictsOf(string containerId) => Probes.GetValueOrDefault(containerId, ProbeVerdicts.None);

    public PodProgress SandboxStopped(string id) => this with { StoppedSandboxes = StoppedSandboxes.Add(id) };

    /// <summary>An image came to the node by another way: what waited for one may look again at once.</summary>
    public PodProgress WithoutPullFailures() => this with
    {
        Pulls = Pulls.Clear(),
        Failures = Failures.RemoveRange(Failures.Where(f => f.Value.Image is not null).Select(f => f.Key)),
    };
}

/// <param name="Reason">The waiting reason, e.g. ErrImagePull or CreateContainerConfigError.</param>
/// <param name="Image">Set when what failed was the image.</param>
public sealed record StartFailure(string Reason, string Message, DateTimeOffset RetryAt, string? Image = null);

/// <summary>Pulls of one image that failed: 10 s after the first, doubling to 300 s; forgotten after ten quiet minutes.</summary>
public sealed record PullFailure(int Count, DateTimeOffset At)
{
    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(10);

    public static PullFailure After(PullFailure? earlier, DateTimeOffset now) =>
        earlier is null || now - earlier.At > Forgotten ? new(1, now) : new(earlier.Count + 1, now);

    public DateTimeOffset RetryAt => At + CrashBackoff.Default.Delay(Count);
}

/// <summary>Begin and end of one container instance on the steady clock.</summary>
public sealed record ContainerClock(DateTimeOffset Begin, DateTimeOffset? End);
