using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>
/// Decides what must happen next so that what is observed becomes what is desired. Called after every step and every
/// event; an answer without steps means: nothing to do before <see cref="PodPlan.WakeAt"/>.
/// Sequence: end the pod if it shall end; a sandbox; away with what is unwanted; starts; leftovers. Containers that
/// run before the others (init containers) join between sandbox and the others, probe verdicts join in
/// <see cref="ContainerChoice"/>.
/// </summary>
public static class PodActions
{
    public static PodPlan Compute(PodIntent desired, PodObserved observed, PodProgress progress, CrashBackoff backoff, DateTimeOffset now)
    {
        if (desired.Stop is not null)
            return End(desired, observed, progress);
        SandboxObserved? sandbox = Usable(desired, observed);
        return sandbox is null
            ? WithoutSandbox(desired, observed, progress, now)
            : WithSandbox(sandbox, desired, observed, progress, backoff, now);
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
        bool anyToRun = desired.Pod.Spec.Containers.Any(want => desired.Restart switch
        {
            RestartPolicy.Never => !wasStarted || progress.Replacing.Contains(want.Name),
            _ => observed.Newest(want.Name) is not { MayLive: false } ended
                || progress.Replacing.Contains(want.Name)
                || RestartRule.Allows(desired.Restart, ended.ExitCode),
        });
        if (!anyToRun)
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
        bool anyToRun = false;
        foreach (V1Container want in desired.Pod.Spec.Containers)
        {
            ContainerChoice choice = ContainerChoice.Of(want, sandbox, desired, observed, progress, backoff, now);
            anyToRun |= choice is not ContainerChoice.Finished;
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
        if (!anyToRun && kills.Count == 0)
            return End(desired, observed, progress);
        if (kills.Count > 0)
            return new([new StopContainers(kills.ToValueList())], waiting.ToValueList(), wakeAt);
        return new([.. starts, .. Leftover(sandbox, desired, observed)], waiting.ToValueList(), wakeAt);
    }

    /// <summary>Running containers that the spec does not name, that live in an older sandbox, or beside a newer instance.</summary>
    private static IEnumerable<ContainerStop> Unwanted(SandboxObserved sandbox, PodIntent desired, PodObserved observed)
    {
        foreach (ContainerObserved container in observed.Containers.Where(c => c.MayLive))
        {
            bool named = Names(desired, container.Name);
            bool newest = observed.Newest(container.Name)!.Id == container.Id;
            if (!named || container.SandboxId != sandbox.Id || !newest)
                yield return StopOf(container, desired.Grace, replace: named && newest);
        }
    }

    /// <summary>Dead records beyond the newest of each name, and older sandboxes that hold no record worth keeping.</summary>
    private static List<PodStep> Leftover(SandboxObserved current, PodIntent desired, PodObserved observed)
    {
        HashSet<string> kept = [];
        foreach (string name in desired.Pod.Spec.Containers.Select(c => c.Name))
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
        if (Leftovers(desired, observed, progress, replace: false) is { } stop)
            return PodPlan.Of(stop);
        if (desired.Stop is not null)
            return PodPlan.Of(new TearDown(), new Forget()) with { IsLast = true };
        return progress.TornDown ? PodPlan.Idle : PodPlan.Of(new TearDown());
    }

    private static StopPod? Leftovers(PodIntent desired, PodObserved observed, PodProgress progress, bool replace)
    {
        ValueList<ContainerStop> running = observed.Containers.Where(c => c.MayLive)
            .Select(c => StopOf(c, desired.Grace, replace && Names(desired, c.Name))).ToValueList();
        // Newest first: should a stop fail half-way, what is left still looks like an old attempt.
        ValueList<string> sandboxes = observed.Sandboxes.Where(s => s.Ready || !progress.StoppedSandboxes.Contains(s.Id))
            .Select(s => s.Id).Reverse().ToValueList();
        return running.Count + sandboxes.Count == 0 ? null : new(running, sandboxes);
    }

    private static ContainerStop StopOf(ContainerObserved container, TimeSpan grace, bool replace) =>
        new(container.Id, container.Name, grace, $"Stopping container {container.Name}", replace);

    private static bool Names(PodIntent desired, string container) => desired.Pod.Spec.Containers.Any(c => c.Name == container);
}
