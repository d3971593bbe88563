using System.Collections.Immutable;
using NativeKubelet.Config;
using NativeKubelet.Runtime;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Endpoints;

/// <summary>All that the node's ports tell of.</summary>
internal sealed record NodeSources(
    KubeletOptions Options, StatusBoard Board, IContainerRuntime Runtime, ImmutableArray<HealthCheck> Checks, StatsRoutes Stats, MetricRoutes Metrics, DebugPages Debug);
