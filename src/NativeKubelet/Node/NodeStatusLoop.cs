using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Cluster;
using NativeKubelet.Core.Node;
using NativeKubelet.Pods;

namespace NativeKubelet.Node;

/// <summary>
/// Tells the cluster how this node is: when it is seen to have changed, and at the configured period otherwise (spec 20 §4.1). A patch
/// holds the node's own part of the status and leaves others' alone.
/// </summary>
/// <param name="observe">How the node is now. Cheap: it is asked every period.</param>
/// <param name="updates">nodeStatusUpdateFrequency: how often it is looked.</param>
/// <param name="reports">nodeStatusReportFrequency: how often it is sent although nothing changed.</param>
internal sealed partial class NodeStatusLoop(
    ApiClient api, string node, Func<NodeReport> observe, TimeSpan updates, TimeSpan reports, TimeProvider time, ILogger log)
{
    private const int TriesAtOnce = 5;

    /// <summary>A node that has just started is waited for: as long as it is not ready yet, it is looked at more often.</summary>
    private static readonly TimeSpan StartPeriod = TimeSpan.FromMilliseconds(500), StartEnds = TimeSpan.FromMinutes(2);

    private readonly SteadyClock _clock = new(time);
    private NodeReport? _sent;
    private V1Node? _known;
    private ReportSchedule _schedule = new(reports);

    /// <param name="registered">The Node as registration left it.</param>
    public async Task RunAsync(V1Node registered, CancellationToken cancel)
    {
        _known = registered;
        DateTimeOffset started = _clock.Now;
        while (true)
        {
            NodeReport now = observe();
            bool differs = _sent != now;
            if (_schedule.IsDue(differs, _clock.Now))
                try
                {
                    await SendAsync(now, cancel);
                    _schedule = _schedule.Sent(differs, _clock.Now, Random.Shared.NextDouble());
                }
                catch (ApiException e)
                {
                    StatusNotSent(e.Message);
                }
            bool starting = _clock.Now - started < StartEnds && !now.Conditions.Any(c => c is { Type: NodeConditions.Ready, Status: true });
            await Task.Delay(starting && StartPeriod < updates ? StartPeriod : updates * (1 + (0.04 * Random.Shared.NextDouble())), time, cancel);
        }
    }

    private async Task SendAsync(NodeReport report, CancellationToken cancel)
    {
        for (int tries = 1; ; tries++)
            try
            {
                // The first try builds on what was seen last; whoever changed the Node meanwhile is found by the next.
                if (tries > 1) _known = await api.GetAsync<V1Node>($"api/v1/nodes/{node}", cancel);
                _known = await api.PatchAsync<V1Node>($"api/v1/nodes/{node}/status", Patch(report, _known!, time.GetUtcNow()), ApiClient.StrategicMerge, cancel);
                _sent = report;
                return;
            }
            catch (ApiException) when (tries < TriesAtOnce)
            {
                // A connection that breaks twice is not worth a third try.
                if (tries > 1) api.RenewConnections();
            }
    }

    internal static byte[] Patch(NodeReport report, V1Node before, DateTimeOffset now)
    {
        V1NodeStatus status = NodeStatusWire.ToWire(report, before.Status?.Conditions, now);
        JsonObject patch = JsonSerializer.SerializeToNode(new V1Node { Status = status }, KubernetesJson.TypeInfo<V1Node>())!.AsObject();
        bool sameAddresses = before.Status?.Addresses is { } told
            && told.Select(a => (a.Type, a.Address)).SequenceEqual(report.Addresses.Select(a => (a.Type, a.Address)));
        // Addresses merge by type, which two of one type (dual stack) do not survive: the list is given whole, or not at all.
        if (sameAddresses) patch["status"]!.AsObject().Remove("addresses");
        else if (before.Status?.Addresses is { Count: > 0 }) patch["status"]!["addresses"]!.AsArray().Add((JsonNode)new JsonObject { ["$patch"] = "replace" });
        return Encoding.UTF8.GetBytes(patch.ToJsonString());
    }

    [LoggerMessage(LogLevel.Error, "Unable to update node status: {Cause}; it is tried again")]
    private partial void StatusNotSent(string cause);
}
