using k8s.Models;
using NativeKubelet.Core.Resize;

namespace NativeKubelet.Core.Pods;

/// <summary>What a status takes from the node.</summary>
/// <param name="Ips">At most one per family, primary first.</param>
public sealed record StatusFacts(ValueList<string> Ips, string QosClass)
{
    /// <summary>When an earlier agent took the pod up; null: this one does.</summary>
    public DateTimeOffset? StartTime { get; init; }
}

/// <summary>What the world may know of a pod, from what is wanted, observed and under way (spec "Status generation").</summary>
public static class PodStatusBuilder
{
    /// <param name="plan">The current decision: who waits, and for what.</param>
    /// <param name="previous">The status told last; null for a pod just taken up.</param>
    /// <param name="wall">Wall clock, for times that others read.</param>
    public static PodStatus Build(
        PodIntent desired, PodObserved observed, PodProgress progress, PodPlan plan, PodStatus? previous, StatusFacts facts, DateTimeOffset wall)
    {
        bool ended = HasEnded(desired, observed, progress);
        ValueList<ContainerStatus> init = desired.Init
            .Select(want => Container(want, previous?.InitContainers, ended && observed.Newest(want.Name) is not null)).ToValueList();
        bool initialized = desired.Regular.Any(want => observed.Newest(want.Name) is not null)
            || init.Zip(desired.Init).All(c => c.Second.Role == ContainerRole.Sidecar ? c.First.Started : c.First.Ready);
        ValueList<ContainerStatus> containers = desired.Regular
            .Select(want => Container(want, previous?.Containers, ended && initialized))
            .OrderBy(c => c.Name, StringComparer.Ordinal).ToValueList();
        // They count for nothing else of the status, and one that never ran is not given an end.
        ValueList<ContainerStatus> ephemeral = desired.Ephemeral
            .Select(want => Container(want, previous?.EphemeralContainers, over: false))
            .OrderBy(c => c.Name, StringComparer.Ordinal).ToValueList();

        PodPhase phase = progress.Over is not null && ended ? PodPhase.Failed : PhaseOf(desired, init, containers, ended, previous);
        bool told = previous?.Phase == phase;
        bool sandboxReady = observed.NewestSandbox is { Ready: true };
        return new(
            phase,
            phase == PodPhase.Failed && progress.Over is { } over ? over.Reason : told ? previous!.Reason : "",
            phase == PodPhase.Failed && progress.Over is { } why ? why.Message : told ? previous!.Message : "",
            [.. PodConditions.Build(phase, desired, init, containers, sandboxReady, plan.RestartsAll, previous, wall), .. ResizeConditions.Build(phase, desired, progress, previous, wall)],
            containers,
            previous?.StartTime ?? facts.StartTime ?? wall,
            facts.Ips,
            IpsOf(desired, observed, facts, previous),
            facts.QosClass,
            desired.Pod.Metadata.Generation)
        {
            InitContainers = init,
            EphemeralContainers = ephemeral,
            InForce = phase == PodPhase.Running ? observed.NewestSandbox?.Granted : null,
        };

        ContainerStatus Container(WantedContainer want, ValueList<ContainerStatus>? before, bool over) => ContainerStatusBuilder.Build(
            want, desired, observed, progress, plan.Waiting.FirstOrDefault(w => w.Container == want.Name), over, before?.FirstOrDefault(c => c.Name == want.Name));
    }

    /// <summary>A pod that admission refused: it never ran and never will (spec "Admission").</summary>
    public static PodStatus Rejected(V1Pod pod, AdmissionRefusal refusal, StatusFacts facts, DateTimeOffset wall) => new(
        PodPhase.Failed, refusal.Reason, "Pod was rejected: " + refusal.Message, [], [], wall, facts.Ips, [], facts.QosClass, pod.Metadata.Generation);

    /// <summary>No container can run any more: the terminal phase may be told.</summary>
    private static bool HasEnded(PodIntent desired, PodObserved observed, PodProgress progress) =>
        !observed.Containers.Any(c => c.MayLive) && (progress.TornDown || progress.Over is not null && !observed.Sandboxes.Any(s => s.Ready) || desired.Stop is not null && !observed.Sandboxes.Any(s => s.Ready));

    private static ValueList<string> IpsOf(PodIntent desired, PodObserved observed, StatusFacts facts, PodStatus? previous)
    {
        if (desired.HostNetwork)
            return previous is { PodIps.Count: > 0 } ? previous.PodIps : observed.NewestSandbox is null ? [] : facts.Ips;
        // A pod that ended keeps the addresses it had: its last status is what people look things up with.
        return observed.NewestSandbox is { Ready: true, Ips.Count: > 0 } sandbox ? sandbox.Ips
            : desired.Stop is not null || previous is { IsTerminal: true } || observed.NewestSandbox is { Ready: false } ? previous?.PodIps ?? []
            : [];
    }

    private static PodPhase PhaseOf(
        PodIntent desired, ValueList<ContainerStatus> init, ValueList<ContainerStatus> containers, bool ended, PodStatus? previous)
    {
        if (previous is { IsTerminal: true })
            return previous.Phase;
        PodPhase phase = PodPhases.Of(desired, init, containers, mayRestart: desired.Stop is null);
        // Held back while something could still run, so that nobody reuses what the pod holds.
        return phase is PodPhase.Succeeded or PodPhase.Failed && !ended ? previous?.Phase ?? PodPhase.Running : phase;
    }
}
