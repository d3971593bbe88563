using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>What one wanted container needs, given a usable sandbox.</summary>
public abstract record ContainerChoice
{
    public sealed record Keep : ContainerChoice;

    /// <summary>It ended and its policy leaves it so.</summary>
    public sealed record Finished : ContainerChoice;

    public sealed record Kill(ContainerStop Stop) : ContainerChoice;

    public sealed record Start(StartContainer Step) : ContainerChoice;

    public sealed record Wait(WaitingContainer Container, DateTimeOffset Until) : ContainerChoice;

    public static ContainerChoice Of(
        V1Container want, SandboxObserved sandbox, PodIntent desired, PodObserved observed, PodProgress progress, CrashBackoff backoff, DateTimeOffset now)
    {
        ContainerObserved? last = observed.Newest(want.Name);
        bool changed = last is not null && last.Hash != ContainerHash.Of(want);
        switch (last)
        {
            case { MayLive: true } when last.SandboxId != sandbox.Id:
                return new Keep();   // PodActions stops it as one that lives in an older sandbox
            case { State: ContainerRunState.Running } when !changed:
                return new Keep();
            case { State: ContainerRunState.Running }:
                return KillOf(last, desired, $"Container {want.Name} definition changed, will be restarted");
            case { MayLive: true }:
                return KillOf(last, desired, "Container is in \"unknown\" state, try killing it before restart");
        }

        bool replacing = progress.Replacing.Contains(want.Name);
        if (last is not null && !replacing && !RestartRule.Allows(desired.Restart, last.ExitCode))
            return new Finished();
        if (progress.Failures.GetValueOrDefault(want.Name) is { } failure && failure.RetryAt > now)
            return new Wait(PodMessages.Held(want, failure), failure.RetryAt);
        if (last is null)
            return new Start(new(want.Name, sandbox.Id, null, 0));

        // A container that was replaced did not crash; one with another image has not crashed yet.
        int step = changed ? 0 : StepOf(last, progress);
        TimeSpan delay = replacing || changed ? TimeSpan.Zero : backoff.Delay(step);
        DateTimeOffset due = EndOf(last, progress, now) + delay;
        return delay > TimeSpan.Zero && due > now
            ? new Wait(PodMessages.CrashLoop(desired.Pod, want.Name, delay), due)
            : new Start(new(want.Name, sandbox.Id, last.RestartCount + 1, replacing ? step : step + 1));
    }

    private static Kill KillOf(ContainerObserved container, PodIntent desired, string message) =>
        new(new ContainerStop(container.Id, container.Name, desired.Grace, message, Replace: true));

    private static int StepOf(ContainerObserved last, PodProgress progress) =>
        progress.Clocks.GetValueOrDefault(last.Id) is { End: { } end } clock
            ? CrashBackoff.StepAfter(last.BackoffStep, end - clock.Begin)
            : last.BackoffStep;

    private static DateTimeOffset EndOf(ContainerObserved last, PodProgress progress, DateTimeOffset now) =>
        progress.Clocks.GetValueOrDefault(last.Id)?.End is { } end && end < now ? end : now;
}
