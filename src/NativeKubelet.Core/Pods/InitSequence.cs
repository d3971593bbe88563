using System.Collections.Immutable;
using NativeKubelet.Core.Probes;

namespace NativeKubelet.Core.Pods;

/// <param name="Done">The containers that run beside each other may start.</param>
/// <param name="Choices">What init containers need now.</param>
public sealed record InitDecision(bool Done, ImmutableArray<ContainerChoice> Choices);

/// <summary>
/// Init containers run one after the other, each to its end; a sidecar lets the next one go on when it has started, and runs on.
/// Each sandbox runs the sequence anew, and so does each restart of all containers.
/// </summary>
public static class InitSequence
{
    public static InitDecision Decide(
        SandboxObserved sandbox, PodIntent desired, PodObserved observed, PodProgress progress, CrashBackoff backoff, DateTimeOffset now)
    {
        ImmutableArray<WantedContainer> all = [.. desired.Init];
        bool begun = HasBegun(sandbox, desired);
        ImmutableArray<ContainerChoice>.Builder choices = ImmutableArray.CreateBuilder<ContainerChoice>();
        int reached = begun ? all.Length : Math.Max(0, Array.FindLastIndex([.. all], c => Has(sandbox, c)));
        for (int i = 0; i < all.Length; i++)
        {
            // Where the sequence has passed, only sidecars are looked after.
            if (i < reached && all[i].Role == ContainerRole.Init) continue;
            if (i == reached && Passed(all[i], sandbox, observed)) { reached++; continue; }
            ContainerChoice choice = ContainerChoice.Of(all[i], sandbox, desired, observed, progress, backoff, now);
            choices.Add(choice);
            if (i < reached) continue;
            if (choice is not ContainerChoice.Keep || all[i].Role == ContainerRole.Init || !IsStarted(all[i], observed, progress))
                return new(false, choices.ToImmutable());
            reached++;
        }
        return new(true, choices.ToImmutable());
    }

    /// <summary>An init container ended badly and may not run again, so the pod's others never will.</summary>
    public static bool HasFailed(PodIntent desired, PodObserved observed, PodProgress progress) => desired.Init.Any(want =>
        want.Role == ContainerRole.Init && !progress.Replacing.Contains(want.Name)
        && observed.Newest(want.Name) is { MayLive: false, ExitCode: not 0, Superseded: false } ended
        && !RestartRule.Allows(want, desired.Restart, ended.ExitCode));

    /// <summary>A container that waits for the sequence runs in this sandbox, so it had come to its end.</summary>
    private static bool HasBegun(SandboxObserved sandbox, PodIntent desired) =>
        desired.Regular.Any(want => sandbox.Containers.Any(c => c.Name == want.Name && c is { MayLive: true, Superseded: false }));

    /// <summary>It did its work in this sandbox, and its end restarts nothing.</summary>
    private static bool Passed(WantedContainer want, SandboxObserved sandbox, PodObserved observed) => want.Role == ContainerRole.Init
        && observed.Newest(want.Name) is { MayLive: false, ExitCode: 0, Superseded: false } ended && ended.SandboxId == sandbox.Id
        && !RestartRule.RestartsAll(want, exitCode: 0);

    private static bool Has(SandboxObserved sandbox, WantedContainer want) => sandbox.Containers.Any(c => c.Name == want.Name && !c.Superseded);

    private static bool IsStarted(WantedContainer want, PodObserved observed, PodProgress progress) =>
        observed.Newest(want.Name) is { } instance && ContainerHealth.IsStarted(want.Spec, instance, progress.VerdictsOf(instance.Id));
}
