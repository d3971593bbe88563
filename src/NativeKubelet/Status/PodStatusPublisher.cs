using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Cluster;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Resize;

namespace NativeKubelet.Status;

/// <summary>
/// Tells the API server of every pod what its worker told last, and takes a deleted pod's object away once nothing of the pod is
/// left. Newest wins: while a patch is under way, what comes meanwhile becomes one further patch.
/// </summary>
internal sealed partial class PodStatusPublisher(ApiClient api, ApiPodSource pods, StatusBoard board, TimeProvider time, ILogger log) : IDisposable
{
    private const int AtOnce = 10;

    private readonly ConcurrentDictionary<string, Publication> _publications = new();
    private readonly SemaphoreSlim _turns = new(AtOnce, AtOnce);

    public async Task RunAsync(CancellationToken cancel)
    {
        await pods.Synced.WaitAsync(cancel);
        while (true)
        {
            Task known = pods.Changed;
            BoardSnapshot now = board.Now;
            foreach (PodView view in now.Pods.Values) Begin(view, cancel);
            foreach (string gone in _publications.Keys.Where(uid => !now.Pods.ContainsKey(uid))) _publications.TryRemove(gone, out _);
            await board.NextOrAsync(now.Version, known, cancel);
        }
    }

    public void Dispose() => _turns.Dispose();

    private void Begin(PodView view, CancellationToken cancel)
    {
        Publication publication = _publications.GetOrAdd(view.Uid, static _ => new());
        if (publication.IsNews(view, TargetOf(view)) && publication.TryBegin()) _ = PublishAsync(view.Uid, publication, cancel);
    }

    private async Task PublishAsync(string uid, Publication publication, CancellationToken cancel)
    {
        RetryPause pause = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10), time);
        try
        {
            while (publication.TakeWork())
            {
                if (!board.Now.Pods.TryGetValue(uid, out PodView? view) || TargetOf(view) is not { } target) continue;
                if (await TryTellAsync(view, target, publication, cancel) is not { } failure) continue;
                publication.Again();
                await pause.WaitAsync(failure.RetryAfter, cancel);
            }
        }
        catch (OperationCanceledException)
        {
            // The agent ends; the next one tells all anew.
        }
    }

    /// <summary>The object that shows the pod: its own, or a static pod's mirror. Null while there is none.</summary>
    private V1Pod? TargetOf(PodView view) => StaticPodIdentity.IsStatic(view.Pod) ? pods.ReflectionOf(view.Pod) : pods.Known.GetValueOrDefault(view.Uid);

    /// <returns>What keeps the server from knowing, if it may pass.</returns>
    private async Task<ApiException?> TryTellAsync(PodView view, V1Pod target, Publication publication, CancellationToken cancel)
    {
        await _turns.WaitAsync(cancel);
        try
        {
            await TellAsync(view, target, publication, cancel);
            return null;
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // It is gone, or another of its name has taken its place: the watch will tell.
            publication.Sent = null;
            return null;
        }
        catch (ApiException e)
        {
            StatusNotSent(view.Namespace, view.Name, e.Message);
            return e;
        }
        finally
        {
            _turns.Release();
        }
    }

    private async Task TellAsync(PodView view, V1Pod target, Publication publication, CancellationToken cancel)
    {
        string path = $"api/v1/namespaces/{view.Namespace}/pods/{view.Name}";
        byte[] patch = Patch(view, target);
        if (publication.Sent is null || !publication.Sent.AsSpan().SequenceEqual(patch))
        {
            await api.PatchAsync<V1Pod>(path + "/status", patch, ApiClient.StrategicMerge, cancel);
            publication.Sent = patch;
        }
        // The last word about a deleted pod was its final status; now its object may go.
        if (view.Released && target.Metadata.DeletionTimestamp is not null && !StaticPodIdentity.IsStatic(view.Pod))
            await api.DeleteAsync(path, target.Metadata.Uid, 0, cancel);
    }

    internal static byte[] Patch(PodView view, V1Pod target)
    {
        V1PodStatus said = PodStatusWire.ToWire(view);
        // A condition that the server knows has not changed since, whichever agent it was that said it.
        foreach (V1PodCondition condition in said.Conditions ?? [])
            if (target.Status?.Conditions?.FirstOrDefault(known => known.Type == condition.Type && known.Status == condition.Status)?.LastTransitionTime is { } since)
                condition.LastTransitionTime = since;
        JsonObject status = JsonSerializer.SerializeToNode(new V1Pod { Status = said }, KubernetesJson.Pod)!["status"]!.AsObject();
        status.Parent!.AsObject().Remove("status");
        // What is not said any more must be taken back: a merge keeps what a patch leaves out.
        foreach (string field in (string[])["reason", "message", "podIP", "podIPs", "hostIP", "hostIPs", "initContainerStatuses", "containerStatuses", "allocatedResources", "resources"])
            if (!status.ContainsKey(field)) status[field] = null;
        // These merge by address: a pod would keep every one that it ever had. Not by "$patch: replace", which old servers (1.20)
        // take for an address where there is none yet.
        TakeBack(status, "podIPs", "ip", target.Status?.PodIPs?.Select(a => a.Ip));
        TakeBack(status, "hostIPs", "ip", target.Status?.HostIPs?.Select(a => a.Ip));
        TakeBack(status["allocatedResources"], target.Status?.AllocatedResources);
        foreach ((string list, IDictionary<string, ResourceQuantity>? known) in ((string, IDictionary<string, ResourceQuantity>?)[])[("requests", target.Status?.Resources?.Requests), ("limits", target.Status?.Resources?.Limits)])
        {
            if (status["resources"] is JsonObject amounts && known is not null && !amounts.ContainsKey(list)) amounts[list] = null;
            TakeBack(status["resources"]?[list], known);
        }
        TakeBack(status, "conditions", "type", target.Status?.Conditions?.Select(c => c.Type).Where(type => type is ResizeConditions.Pending or ResizeConditions.InProgress));
        foreach (JsonObject condition in status["conditions"]?.AsArray().OfType<JsonObject>().Where(c => !c.ContainsKey("$patch")) ?? [])
            foreach (string field in (string[])["reason", "message"])
                if (!condition.ContainsKey(field)) condition[field] = null;
        return Encoding.UTF8.GetBytes(new JsonObject { ["metadata"] = new JsonObject { ["uid"] = target.Metadata.Uid }, ["status"] = status }.ToJsonString());
    }

    private static void TakeBack(JsonObject status, string field, string key, IEnumerable<string>? known)
    {
        if (status[field] is not JsonArray list || known is null) return;
        HashSet<string> now = [.. list.Select(entry => entry![key]!.GetValue<string>())];
        foreach (string old in known.Where(ip => !now.Contains(ip))) list.Add((JsonNode)new JsonObject { ["$patch"] = "delete", [key] = old });
    }

    private static void TakeBack(JsonNode? amounts, IDictionary<string, ResourceQuantity>? known)
    {
        if (amounts is not JsonObject list) return;
        foreach (string old in known?.Keys ?? [])
            if (!list.ContainsKey(old)) list[old] = null;
    }

    /// <summary>One pod's way to the server: at most one at a time, and nothing forgotten in between.</summary>
    private sealed class Publication
    {
        private readonly Lock _gate = new();
        private bool _running, _work;
        private (PodView View, V1Pod? Target)? _seen;     // touched by the loop over all pods alone

        /// <summary>The last patch that arrived. Touched by the one that runs.</summary>
        public byte[]? Sent { get; set; }

        /// <summary>Views and objects are replaced, never changed: one that is the same says the same.</summary>
        public bool IsNews(PodView view, V1Pod? target)
        {
            if (_seen is { } seen && ReferenceEquals(seen.View, view) && ReferenceEquals(seen.Target, target)) return false;
            _seen = (view, target);
            return true;
        }

        /// <returns>True for the caller that must run it.</returns>
        public bool TryBegin()
        {
            lock (_gate)
            {
                _work = true;
                if (_running) return false;
                return _running = true;
            }
        }

        public void Again()
        {
            lock (_gate) _work = true;
        }

        /// <returns>False when nothing is left: then it does not run any more.</returns>
        public bool TakeWork()
        {
            lock (_gate)
            {
                bool work = _work;
                _work = false;
                if (!work) _running = false;
                return work;
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "PodStatusNotSent pod={Namespace}/{Name}: {Cause}; it is tried again")]
    private partial void StatusNotSent(string @namespace, string name, string cause);
}
