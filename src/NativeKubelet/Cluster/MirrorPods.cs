using System.Collections.Immutable;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Status;

namespace NativeKubelet.Cluster;

/// <summary>What must happen to the reflections of this node's static pods (spec 30 §4).</summary>
/// <param name="Create">Static pods without a mirror.</param>
/// <param name="Delete">Mirrors of another version of their pod, mirrors that somebody deleted, and mirrors of nothing.</param>
internal sealed record MirrorPlan(ImmutableArray<V1Pod> Create, ImmutableArray<V1Pod> Delete)
{
    /// <param name="statics">Those that are there, ending ones too: until they have ended their status stays to be seen.</param>
    /// <param name="known">The pods of this node as the API server has them.</param>
    /// <param name="complete">Every source has named its pods: only then is a mirror without a pod one of nothing.</param>
    public static MirrorPlan Of(IEnumerable<V1Pod> statics, IEnumerable<V1Pod> known, bool complete)
    {
        Dictionary<string, V1Pod> mirrors = known.Where(ApiPodSource.IsMirror).ToDictionary(NameOf, StringComparer.Ordinal);
        ImmutableArray<V1Pod>.Builder create = ImmutableArray.CreateBuilder<V1Pod>(), delete = ImmutableArray.CreateBuilder<V1Pod>();
        foreach (V1Pod pod in statics)
        {
            if (!mirrors.Remove(NameOf(pod), out V1Pod? mirror)) create.Add(pod);
            else if (!Reflects(mirror, pod) || mirror.Metadata.DeletionTimestamp is not null) delete.Add(mirror);
        }
        if (complete) delete.AddRange(mirrors.Values);
        return new(create.ToImmutable(), delete.ToImmutable());
    }

    public static bool Reflects(V1Pod mirror, V1Pod pod) => NameOf(mirror) == NameOf(pod)
        && mirror.Metadata.Annotations?.TryGetValue(StaticPodIdentity.MirrorAnnotation, out string? of) == true
        && pod.Metadata.Annotations?.TryGetValue(StaticPodIdentity.HashAnnotation, out string? hash) == true && of == hash;

    private static string NameOf(V1Pod pod) => $"{pod.Metadata.NamespaceProperty}/{pod.Metadata.Name}";
}

/// <summary>
/// Keeps a reflection of every static pod at the API server, where people and the scheduler see it. Whatever becomes of a mirror,
/// the pod itself runs on.
/// </summary>
/// <param name="node">The Node, whose mirrors belong to it; completes with registration.</param>
internal sealed partial class MirrorPods(ApiClient api, ApiPodSource pods, StatusBoard board, Task<V1Node> node, Func<bool> complete, TimeProvider time, ILogger log)
{
    private readonly RetryPause _pause = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(10), time);

    public async Task RunAsync(CancellationToken cancel)
    {
        V1Node owner = await node.WaitAsync(cancel);
        await pods.Synced.WaitAsync(cancel);
        for (BoardSnapshot seen = board.Now; ;)
        {
            Task changed = pods.Changed;
            seen = board.Now;
            MirrorPlan plan = MirrorPlan.Of(seen.Pods.Values.Select(v => v.Pod).Where(StaticPodIdentity.IsStatic), pods.Known.Values, complete());
            if (await CarryOutAsync(plan, owner, cancel))
            {
                _pause.Reset();
                await board.NextOrAsync(seen.Version, changed, cancel);
            }
            else await _pause.WaitAsync(null, cancel);
        }
    }

    /// <returns>False when something is to be tried again.</returns>
    private async Task<bool> CarryOutAsync(MirrorPlan plan, V1Node owner, CancellationToken cancel)
    {
        bool done = true;
        foreach (V1Pod mirror in plan.Delete)
            done &= await TryAsync(mirror, "deleted", () => api.DeleteAsync(PathOf(mirror), mirror.Metadata.Uid, 0, cancel));
        foreach (V1Pod pod in plan.Create)
            done &= await TryAsync(pod, "created", () => CreateAsync(pod, owner, cancel));
        return done;
    }

    private async Task<bool> TryAsync(V1Pod pod, string what, Func<Task> act)
    {
        try
        {
            await act();
            return true;
        }
        catch (ApiException e) when (e.AlreadyExists)
        {
            return true;      // the watch is about to tell
        }
        catch (ApiException e)
        {
            MirrorFailed(pod.Metadata.NamespaceProperty, pod.Metadata.Name, what, e.Message);
            return false;
        }
    }

    private Task<V1Pod> CreateAsync(V1Pod pod, V1Node owner, CancellationToken cancel)
    {
        V1Pod mirror = KubernetesJson.Clone(pod);
        V1ObjectMeta meta = mirror.Metadata;
        meta.Uid = null;
        meta.Annotations[StaticPodIdentity.MirrorAnnotation] = meta.Annotations[StaticPodIdentity.HashAnnotation];
        meta.OwnerReferences = [new() { ApiVersion = "v1", Kind = "Node", Name = owner.Metadata.Name, Uid = owner.Metadata.Uid, Controller = true }];
        return api.CreateAsync($"api/v1/namespaces/{meta.NamespaceProperty}/pods", mirror, cancel);
    }

    private static string PathOf(V1Pod pod) => $"api/v1/namespaces/{pod.Metadata.NamespaceProperty}/pods/{pod.Metadata.Name}";

    [LoggerMessage(LogLevel.Warning, "MirrorPodFailed pod={Namespace}/{Name}: its mirror was not {What}: {Cause}; it is tried again")]
    private partial void MirrorFailed(string @namespace, string name, string what, string cause);
}
