using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Core.Stats;
using NativeKubelet.Probes;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Server.Stats;

namespace NativeKubelet.Server.Endpoints;

/// <summary>/metrics and the pages below it. Each is written at most once per round of samples.</summary>
internal sealed class MetricRoutes
{
    private readonly MetricPage _kubelet, _cadvisor, _resource, _probes, _health;

    public MetricRoutes(UsageSampler usage, NodeStatsReader stats, GroupMetrics groups, KubeletMetrics kubelet, ProbeCounts probes, ImmutableArray<HealthCheck> checks)
    {
        _kubelet = new(Round, kubelet.Write);
        _cadvisor = new(Round, to => groups.Write(usage.Latest, to));
        _resource = new(Round, to => ResourceMetrics.Write(stats.Read(), to));
        _probes = new(Round, probes.Write);
        _health = new(Round, to => Health(checks, to));

        object Round() => usage.Latest;
    }

    /// <param name="name">What follows the first element of the path.</param>
    /// <returns>Null: there is no such page.</returns>
    public Task? Find(HttpContext context, string[] name) => (name switch
    {
        [] => _kubelet,
        ["cadvisor"] => _cadvisor,
        ["resource"] => _resource,
        ["probes"] => _probes,
        ["slis"] => _health,
        _ => null,
    })?.ServeAsync(context);

    private static void Health(ImmutableArray<HealthCheck> checks, MetricText to)
    {
        to.Family("kubernetes_healthcheck", "gauge", "[STABLE] This metric records the result of a single healthcheck.");
        foreach (HealthCheck check in checks) to.Sample($"{MetricText.Label("name", check.Name)},{MetricText.Label("type", "healthz")}", check.Fault() is null ? 1 : 0);
    }
}
