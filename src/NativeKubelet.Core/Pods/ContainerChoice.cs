using NativeKubelet.Core.Probes;
using NativeKubelet.Core.Resize;

namespace NativeKubelet.Core.Pods;

/// <summary>What one wanted container needs, given a usable sandbox.</summary>
public abstract record ContainerChoice
{
    public sealed record Keep : ContainerChoice;

    /// <summary>It ended and its policy leaves it so.</summary>
    public sealed record Finished(int ExitCode) : ContainerChoice;

    public sealed record Kill(ContainerStop Stop) : ContainerChoice;

    public sealed record Start(StartContainer Step) : ContainerChoice;

    public sealed record Wait(WaitingContainer Container, DateTimeOffset Until) : ContainerChoice;

    public static ContainerChoice Of(
        WantedContainer want, SandboxObserved sandbox, PodIntent desired, PodObserved observed, PodProgress progress, CrashBackoff backoff, DateTimeOffset now)
    {
        ContainerObserved? last = observed.Newest(want.Name);
        bool changed = last is not null && last.Hash != ContainerHash.Of(want.Spec);
        switch (last)
        {
            case { MayLive: true } when last.Superseded || last.SandboxId != sandbox.Id:
                return new Keep();   // PodActions stops it as one that makes room, or lives in an older sandbox
            case { State: ContainerRunState.Running } when changed:
                return KillOf(last, want, desired, AfterStop.Replace, desired.Grace, "definition changed");
            case { State: ContainerRunState.Running }:
                return Condemned(last, want, desired, progress);
            case { MayLive: true }:
                return new Kill(new(last.Id, last.Name, desired.Grace, "Container is in \"unknown\" state, try killing it before restart", AfterStop.Replace));
        }

        // In a new sandbox everything before the others runs again, and that is no crash of theirs.
        bool again = last is { Superseded: true } || (want.Role == ContainerRole.Init && last is not null && last.SandboxId != sandbox.Id);
        bool replacing = again || progress.Replacing.Contains(want.Name);
        bool failed = progress.Failing.Contains(want.Name);
        if (last is not null && !replacing && !failed && !RestartRule.Allows(want, desired.Restart, last.ExitCode))
            return new Finished(last.ExitCode);
        if (progress.Failures.GetValueOrDefault(want.Name) is { } failure && failure.RetryAt > now)
            return new Wait(PodMessages.Held(want.Spec, failure), failure.RetryAt);
        if (last is null)
            return new Start(new(want.Name, sandbox.Id, null, 0));

        // A container that was replaced did not crash; one with another image has not crashed yet. One whose rule says that its end
        // restarts all has, also where it was killed for another's.
        bool crashed = !replacing || (last.Superseded && RestartRule.RestartsAll(want, last.ExitCode));
        int step = changed ? 0 : StepOf(last, progress);
        TimeSpan delay = replacing || changed ? TimeSpan.Zero : backoff.Delay(step);
        DateTimeOffset due = EndOf(last, progress, now) + delay;
        return delay > TimeSpan.Zero && due > now
            ? new Wait(PodMessages.CrashLoop(desired.Pod, want.Name, delay), due)
            : new Start(new(want.Name, sandbox.Id, last.RestartCount + 1, crashed ? step + 1 : step));
    }

    private static ContainerChoice Condemned(ContainerObserved running, WantedContainer want, PodIntent desired, PodProgress progress)
    {
        if (progress.HookFailed.Contains(want.Name))
            return new Kill(new(running.Id, want.Name, desired.Grace, "FailedPostStartHook"));
        if (ContainerHealth.Condemned(want.Spec, progress.VerdictsOf(running.Id)) is not var (word, probe))
            return PodResizing.NeedsRestart(desired, want, running)
                ? new Kill(new(running.Id, want.Name, desired.Grace, $"Container {want.Name} resize requires restart", AfterStop.Replace)) : new Keep();
        TimeSpan grace = probe.TerminationGracePeriodSeconds is { } own ? TimeSpan.FromSeconds(own) : desired.Grace;
        AfterStop then = RestartRule.AllowsAfterFailure(want, desired.Restart) ? AfterStop.Restart : AfterStop.ByPolicy;
        return KillOf(running, want, desired, then, grace, $"failed {word} probe");
    }

    private static Kill KillOf(ContainerObserved container, WantedContainer want, PodIntent desired, AfterStop then, TimeSpan grace, string cause)
    {
        string message = want.Role == ContainerRole.Regular
            ? $"Container {want.Name} {cause}{(then == AfterStop.ByPolicy ? "" : ", will be restarted")}"
            : $"Init container {want.Name} {cause}";
        return new(new ContainerStop(container.Id, container.Name, grace, message, then));
    }

    private static int StepOf(ContainerObserved last, PodProgress progress) =>
        progress.Clocks.GetValueOrDefault(last.Id) is { End: { } end } clock
            ? CrashBackoff.StepAfter(last.BackoffStep, end - clock.Begin)
            : last.BackoffStep;

    private static DateTimeOffset EndOf(ContainerObserved last, PodProgress progress, DateTimeOffset now) =>
        progress.Clocks.GetValueOrDefault(last.Id)?.End is { } end && end < now ? end : now;
}
