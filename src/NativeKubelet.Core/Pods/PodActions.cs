using NativeKubelet.Core.Resize;

namespace NativeKubelet.Core.Pods;

/// <summary>
/// Decides what must happen next so that what is observed becomes what is desired. Called after every step and every
/// event; an answer without steps means: nothing to do before <see cref="PodPlan.WakeAt"/>.
/// Sequence: end the pod if it shall end; a sandbox; all containers anew where one's end asks for that; away with what is unwanted;
/// a resize of what runs; starts, those of <see cref="InitSequence"/> first but for ephemeral containers, which wait for nothing; leftovers.
/// </summary>
public static class PodActions
{
    public static PodPlan Compute(PodIntent desired, PodObserved observed, PodProgress progress, CrashBackoff backoff, DateTimeOffset now)
    {
        if (desired.Stop is not null || progress.Over is not null)
            return End(desired with { MostGrace = progress.Over?.Grace }, observed, progress);
        SandboxObserved? sandbox = Usable(desired, observed);
        PodPlan plan = sandbox is null
            ? WithoutSandbox(desired, observed, progress, now)
            : WithSandbox(sandbox, desired, observed, progress, backoff, now);
        if (plan.IsEnd || PodDeadline.Of(desired, progress) is not { } deadline)
            return plan;
        return deadline <= now
            ? End(desired, observed, progress) with { Failure = PodDeadline.Exceeded }
            : plan with { WakeAt = plan.WakeAt < deadline ? plan.WakeAt : deadline };
    }

    /// <summary>The one sandbox that containers may run in; null when there is none or it cannot be trusted.</summary>
    private static SandboxObserved? Usable(PodIntent desired, PodObserved observed)
    {
        if (observed.NewestSandbox is not { Ready: true } newest || observed.Sandboxes.Count(s => s.Ready) > 1)
            return null;
        return newest.HostNetwork == desired.HostNetwork && (newest.HostNetwork || newest.Ips.Count > 0) ? newest : null;
    }

    private static PodPlan WithoutSandbox(PodIntent desired, PodObserved observed, PodProgress progress, DateTimeOffset now)
    {
        // A Never pod that had started is not given a second life, and an OnFailure pod only if something failed.
        bool wasStarted = observed.Containers.Any();
        bool anyToRun = desired.Regular.Any(want => progress.Replacing.Contains(want.Name) || observed.Newest(want.Name) switch
        {
            { Superseded: true } => true,
            { MayLive: false } ended => RestartRule.Allows(want, desired.Restart, ended.ExitCode),
            _ => !wasStarted || RestartRule.AllowsAfterFailure(want, desired.Restart),
        });
        if (!anyToRun || InitSequence.HasFailed(desired, observed, progress))
            return End(desired, observed, progress);
        // Nothing of the pod may run on beside a new sandbox: it would keep the old namespaces alive.
        if (Leftovers(desired, observed, progress, replace: true) is { } stop)
            return PodPlan.Of(stop);
        if (progress.SandboxRetryAt is { } retry && retry > now)
            return PodPlan.Idle with { WakeAt = retry };
        return PodPlan.Of(new CreateSandbox(observed.NewestSandbox is { } last ? last.Attempt + 1 : 0));
    }

    private static PodPlan WithSandbox(
        SandboxObserved sandbox, PodIntent desired, PodObserved observed, PodProgress progress, CrashBackoff backoff, DateTimeOffset now)
    {
        List<ContainerStop> kills = [.. Unwanted(sandbox, desired, observed)];
        List<PodStep> starts = [];
        List<WaitingContainer> waiting = [];
        DateTimeOffset? wakeAt = null;
        List<ContainerChoice> regular = [.. desired.Regular.Select(want => ContainerChoice.Of(want, sandbox, desired, observed, progress, backoff, now))];
        if (InitSequence.HasFailed(desired, observed, progress) || (kills.Count == 0 && regular.All(c => c is ContainerChoice.Finished)))
            return End(desired, observed, progress);
        InitDecision init = InitSequence.Decide(sandbox, desired, observed, progress, backoff, now);
        if (PodRestart.StepOf(sandbox, desired, observed, progress, init.Choices.Concat(regular)) is { } restart)
            return PodPlan.Of(restart) with { RestartsAll = true };
        IEnumerable<ContainerChoice> ephemeral = desired.Ephemeral.Select(want => EphemeralChoice.Of(want, sandbox, observed, progress, now));
        foreach (ContainerChoice choice in ephemeral.Concat(init.Choices).Concat(init.Done ? regular : []))
        {
            switch (choice)
            {
                case ContainerChoice.Kill kill:
                    kills.Add(kill.Stop);
                    break;
                case ContainerChoice.Start start:
                    starts.Add(start.Step);
                    break;
                case ContainerChoice.Wait wait:
                    waiting.Add(wait.Container);
                    wakeAt = wakeAt < wait.Until ? wakeAt : wait.Until;
                    break;
            }
        }
        if (kills.Count > 0)
            return new([new StopContainers(kills.ToValueList())], waiting.ToValueList(), wakeAt)
            {
                RestartsAll = observed.Containers.Any(c => c is { Superseded: true, MayLive: true }),
            };
        if (desired.Wanted.FirstOrDefault(c => HasHook(c, sandbox, progress)) is { } started)
            return new([new RunPostStart(observed.Newest(started.Name)!.Id, started.Name)], waiting.ToValueList(), wakeAt);
        PodStep[] resize = PodResizing.StepOf(desired, sandbox) is { } step ? [step] : [];
        return new([.. resize, .. starts, .. Leftover(sandbox, desired, observed)], waiting.ToValueList(), wakeAt);
    }

    private static bool HasHook(WantedContainer want, SandboxObserved sandbox, PodProgress progress) =>
        want.Spec.Lifecycle?.PostStart is not null && progress.Starting.Contains(want.Name)
        && sandbox.Containers.Any(c => c.Name == want.Name && c.State == ContainerRunState.Running);

    /// <summary>Running containers that the spec does not name, that live in an older sandbox or beside a newer instance, or that are to make room.</summary>
    private static IEnumerable<ContainerStop> Unwanted(SandboxObserved sandbox, PodIntent desired, PodObserved observed)
    {
        foreach (ContainerObserved container in observed.Containers.Where(c => c.MayLive))
        {
            if (container.Superseded)
            {
                yield return PodRestart.StopOf(container);
                continue;
            }
            // The API takes no ephemeral container away: a spec that does not name it is older than it.
            bool named = container.Ephemeral || Names(desired, container.Name);
            bool newest = observed.Newest(container.Name)!.Id == container.Id;
            if (!named || container.SandboxId != sandbox.Id || !newest)
                yield return StopOf(container, desired, replace: named && newest);
        }
    }

    /// <summary>Dead records beyond the newest of each name, and older sandboxes that hold no record worth keeping.</summary>
    private static List<PodStep> Leftover(SandboxObserved current, PodIntent desired, PodObserved observed)
    {
        HashSet<string> kept = [.. observed.Containers.Where(c => c.Ephemeral).Select(c => c.Id)];
        foreach (string name in desired.Wanted.Select(c => c.Name))
        {
            IReadOnlyList<ContainerObserved> instances = observed.Instances(name);
            kept.UnionWith(instances.Where(c => c.MayLive).Select(c => c.Id));
            if (instances.FirstOrDefault(c => !c.MayLive) is { } dead)
                kept.Add(dead.Id);
        }
        List<PodStep> steps = [];
        foreach (SandboxObserved sandbox in observed.Sandboxes)
            if (sandbox.Id != current.Id && sandbox.Containers.All(c => !kept.Contains(c.Id)))
                steps.Add(new RemoveSandbox(sandbox.Id));
            else
                steps.AddRange(sandbox.Containers.Where(c => !kept.Contains(c.Id)).Select(c => new RemoveContainer(c.Id)));
        return steps;
    }

    /// <summary>Ends what runs, gives back what the pod holds, and forgets it where nobody asks for it any more.</summary>
    private static PodPlan End(PodIntent desired, PodObserved observed, PodProgress progress)
    {
        PodPlan next = Leftovers(desired, observed, progress, replace: false) is { } stop ? PodPlan.Of(stop)
            : desired.Stop is { Cause: not StopCause.Deleted } ? PodPlan.Of(new TearDown(), new Forget()) with { IsLast = true }
            : progress.TornDown ? PodPlan.Idle
            : PodPlan.Of(new TearDown());
        return next with { IsEnd = true };
    }

    private static StopPod? Leftovers(PodIntent desired, PodObserved observed, PodProgress progress, bool replace)
    {
        ValueList<ContainerStop> running = observed.Containers.Where(c => c.MayLive)
            .Select(c => StopOf(c, desired, replace && Names(desired, c.Name)) with { Turn = c.Ephemeral ? ContainerStop.NoTurn : TurnOf(c, desired) }).ToValueList();
        // Newest first: should a stop fail half-way, what is left still looks like an old attempt.
        ValueList<string> sandboxes = observed.Sandboxes.Where(s => s.Ready || !progress.StoppedSandboxes.Contains(s.Id))
            .Select(s => s.Id).Reverse().ToValueList();
        return running.Count + sandboxes.Count == 0 ? null : new(running, sandboxes);
    }

    private static ContainerStop StopOf(ContainerObserved container, PodIntent desired, bool replace) =>
        new(container.Id, container.Name, desired.Grace, $"Stopping container {container.Name}", replace && !container.Ephemeral ? AfterStop.Replace : AfterStop.ByPolicy);

    /// <summary>Sidecars serve the others to their end, so they go last, in the reverse of the order in which they came.</summary>
    private static int TurnOf(ContainerObserved container, PodIntent desired)
    {
        List<WantedContainer> sidecars = [.. desired.Init.Where(c => c.Role == ContainerRole.Sidecar)];
        int index = sidecars.FindIndex(c => c.Name == container.Name);
        return index < 0 ? 0 : sidecars.Count - index;
    }

    private static bool Names(PodIntent desired, string container) => desired.Wanted.Any(c => c.Name == container);
}
