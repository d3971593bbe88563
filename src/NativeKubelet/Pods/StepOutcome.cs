using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;

namespace NativeKubelet.Pods;

/// <summary>How a step went. Events have told it already; what follows from it is the worker's to decide.</summary>
public abstract record StepOutcome
{
    public sealed record Done : StepOutcome;

    /// <summary>It is to be repeated later, as it is.</summary>
    public sealed record Failed(string Cause) : StepOutcome;

    /// <summary>One container could not be started; the pod's others go on.</summary>
    /// <param name="Image">Set when what failed was its image.</param>
    /// <param name="Recorded">The attempt left a record, which feeds the back-off.</param>
    /// <param name="Final">The same pod will never do better.</param>
    public sealed record NotStarted(string Reason, string Message, string? Image = null, bool Recorded = false, bool Final = false) : StepOutcome;
}

/// <summary>What a worker knows after a step (pure).</summary>
internal static class StepResults
{
    /// <summary>A container whose settings do not fit may fit later: a host path appears, an image changes.</summary>
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(10);

    /// <summary>Before the step: what counts even if its outcome is never heard of.</summary>
    public static PodProgress Before(PodStep step, PodProgress progress)
    {
        ValueList<ContainerStop> stops = step switch
        {
            StopContainers stop => stop.Containers,
            StopPod stop => stop.Containers,
            _ => [],
        };
        return progress with
        {
            Replacing = progress.Replacing.Union(stops.Where(s => s.Then == AfterStop.Replace).Select(s => s.Container)),
            Failing = progress.Failing.Union(stops.Where(s => s.Then == AfterStop.Restart).Select(s => s.Container)),
        };
    }

    /// <param name="now">Steady clock, when the step ended.</param>
    public static PodProgress After(PodStep step, StepOutcome outcome, PodProgress progress, DateTimeOffset now) => (step, outcome) switch
    {
        (StartContainer start, StepOutcome.NotStarted failure) => NotStarted(start, failure, progress, now),
        (StartContainer start, StepOutcome.Done) => progress.Started(start.Container) with { TornDown = false },
        (RunPostStart hook, StepOutcome.NotStarted failure) => progress.Failed(hook.Container, new(failure.Reason, failure.Message, now)) with
        {
            Starting = progress.Starting.Remove(hook.Container),
            HookFailed = progress.HookFailed.Add(hook.Container),
        },
        (RunPostStart hook, StepOutcome.Done) => progress with { Starting = progress.Starting.Remove(hook.Container) },
        (CreateSandbox, StepOutcome.Done) => progress with { SandboxRetryAt = null, TornDown = false },
        (StopPod stop, StepOutcome.Done) => stop.Sandboxes.Aggregate(progress, (known, id) => known.SandboxStopped(id)),
        (ResizePod, StepOutcome.Failed failed) => progress with { Resize = progress.Resize is { } resize ? resize with { Error = failed.Cause } : null },
        (TearDown, StepOutcome.Done) => progress with { TornDown = true },
        _ => progress,
    };

    /// <summary>A newer spec: what the older one could not do may be possible now.</summary>
    public static PodProgress ForNewSpec(PodProgress progress) => progress with
    {
        SandboxRetryAt = null,
        Failures = progress.Failures.RemoveRange(progress.Failures.Where(f => f.Value.Image is null).Select(f => f.Key)),
    };

    private static PodProgress NotStarted(StartContainer start, StepOutcome.NotStarted failure, PodProgress progress, DateTimeOffset now)
    {
        if (failure.Image is { } image && !failure.Final)
        {
            PullFailure pull = PullFailure.After(progress.Pulls.GetValueOrDefault(image), now);
            return (progress with { Pulls = progress.Pulls.SetItem(image, pull) }).Failed(start.Container, new(failure.Reason, failure.Message, pull.RetryAt, image));
        }
        DateTimeOffset retry = failure.Final ? DateTimeOffset.MaxValue : failure.Recorded ? now : now + Again;
        PodProgress known = progress.Failed(start.Container, new(failure.Reason, failure.Message, retry, failure.Image));
        // An instance that ended at its start is an instance: the next one is judged by it.
        return failure.Recorded ? known with { Replacing = known.Replacing.Remove(start.Container), Failing = known.Failing.Remove(start.Container), TornDown = false } : known;
    }
}
