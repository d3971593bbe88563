using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Events;
using NativeKubelet.Events;

namespace NativeKubelet.Cluster;

/// <summary>
/// Tells the API server of the node's events, never faster than it allows and never at the cost of a pod: what cannot be told
/// in time stays in the node's own log alone.
/// </summary>
internal sealed partial class ApiEvents(ApiClient api, EventLog events, string node, RequestRate rate, TimeProvider time, ILogger log)
{
    private const int MostKnown = 4096, Tries = 12;
    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(10);

    // What was told, so that a repetition becomes a higher count instead of another object.
    private readonly Dictionary<EventSubject, (string Path, int Count)> _told = [];

    public async Task RunAsync(CancellationToken cancel)
    {
        for (long last = 0; ;)
        {
            ImmutableArray<NodeEvent> news = await events.NextAsync(last, cancel);
            foreach (NodeEvent e in news)
            {
                await rate.WaitAsync(cancel);
                await TellAsync(e, cancel);
            }
            last = news[^1].Number;
        }
    }

    private async Task TellAsync(NodeEvent e, CancellationToken cancel)
    {
        for (int tries = 1; ; tries++)
            try
            {
                await SendAsync(e, cancel);
                return;
            }
            catch (ApiException failure) when (failure.IsPassing && tries < Tries)
            {
                // The first pause is another on each node: a server that comes back hears them one after the other.
                await Task.Delay(tries == 1 ? BetweenTries * Random.Shared.NextDouble() : BetweenTries, time, cancel);
            }
            catch (ApiException failure)
            {
                EventNotTold(e.Reason, e.Object, failure.Message);
                return;
            }
    }

    private async Task SendAsync(NodeEvent e, CancellationToken cancel)
    {
        if (e.Count > 1 && _told.TryGetValue(e.Key, out (string Path, int Count) told))
            try
            {
                JsonObject patch = new() { ["count"] = e.Count, ["message"] = e.Message, ["lastTimestamp"] = e.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) };
                await api.PatchAsync<Corev1Event>(told.Path, Encoding.UTF8.GetBytes(patch.ToJsonString()), ApiClient.StrategicMerge, cancel);
                return;
            }
            catch (ApiException gone) when (gone.IsNotFound)
            {
                // It outlived its hour there: told anew.
            }
        Corev1Event made = Wire(e);
        await api.CreateAsync($"api/v1/namespaces/{made.Metadata.NamespaceProperty}/events", made, cancel);
        if (_told.Count >= MostKnown) _told.Clear();
        _told[e.Key] = ($"api/v1/namespaces/{made.Metadata.NamespaceProperty}/events/{made.Metadata.Name}", e.Count);
    }

    private Corev1Event Wire(NodeEvent e)
    {
        string[] about = e.Object.Split('/');
        bool pod = about is ["pod", _, _];
        string scope = pod ? about[1] : "default", name = about[^1];
        return new()
        {
            ApiVersion = "v1",
            Kind = "Event",
            Metadata = new() { Name = $"{name}.{(e.First.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) * 100 + e.Number % 100:x}", NamespaceProperty = scope },
            InvolvedObject = pod
                ? new() { ApiVersion = "v1", Kind = "Pod", Name = name, NamespaceProperty = scope, Uid = e.PodUid, FieldPath = e.FieldPath.Length > 0 ? e.FieldPath : null }
                : new() { ApiVersion = "v1", Kind = "Node", Name = name },
            Reason = e.Reason,
            Message = e.Message,
            Type = e.Type.ToString(),
            Count = e.Count,
            FirstTimestamp = e.First.UtcDateTime,
            LastTimestamp = e.At.UtcDateTime,
            Source = new() { Component = "kubelet", Host = node },
            ReportingComponent = "kubelet",
            ReportingInstance = node,
        };
    }

    [LoggerMessage(LogLevel.Warning, "EventNotTold reason={Reason} object={Object}: {Cause}")]
    private partial void EventNotTold(string reason, string @object, string cause);
}
