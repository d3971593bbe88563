using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Probes;

/// <summary>What follows from verdicts: may others go on, may it be served from, must it be killed.</summary>
public static class ContainerHealth
{
    /// <summary>It runs and has passed its startup probe, if it has one.</summary>
    public static bool IsStarted(V1Container want, ContainerObserved instance, ProbeVerdicts verdicts) =>
        instance.State == ContainerRunState.Running && (want.StartupProbe is null || verdicts.Startup == true);

    /// <summary>Until the first success it is not.</summary>
    public static bool IsReady(V1Container want, ContainerObserved instance, ProbeVerdicts verdicts) =>
        IsStarted(want, instance, verdicts) && (want.ReadinessProbe is null || verdicts.Readiness == true);

    /// <summary>The probe that condemns it, with the word of its message; null while nothing does.</summary>
    public static (string Word, V1Probe Probe)? Condemned(V1Container want, ProbeVerdicts verdicts) => verdicts switch
    {
        { Liveness: false } when want.LivenessProbe is { } liveness => ("liveness", liveness),
        { Startup: false } when want.StartupProbe is { } startup => ("startup", startup),
        _ => null,
    };
}
