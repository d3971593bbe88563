using k8s.Models;

namespace NativeKubelet.Core.Probes;

/// <summary>When a probe runs and how many results in a row decide; unset numbers have the API's defaults.</summary>
public sealed record ProbeRule(
    ProbeKind Kind, TimeSpan InitialDelay, TimeSpan Period, TimeSpan Timeout, int SuccessThreshold, int FailureThreshold)
{
    public static ProbeRule Of(ProbeKind kind, V1Probe probe) => new(
        kind,
        TimeSpan.FromSeconds(probe.InitialDelaySeconds ?? 0),
        TimeSpan.FromSeconds(Set(probe.PeriodSeconds, 10)),
        TimeSpan.FromSeconds(Set(probe.TimeoutSeconds, 1)),
        Set(probe.SuccessThreshold, 1),
        Set(probe.FailureThreshold, 3));

    /// <summary>The next tick of a clock that began at <paramref name="first"/>; ticks that were missed are not made up for.</summary>
    public TimeSpan NextTick(TimeSpan first, TimeSpan now) =>
        now < first ? first : first + Period * (Math.Floor((now - first) / Period) + 1);

    // Zero counts as unset, as in the API's own defaulting.
    private static int Set(int? value, int standard) => value is null or 0 ? standard : value.Value;
}
