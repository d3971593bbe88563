using System.Collections.Immutable;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Events;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Runtime;

namespace NativeKubelet.Cluster;

/// <summary>Follows what the cluster says of services, runtime classes and this node, and keeps of each only what a node reads.</summary>
/// <param name="registered">The Node, once it is there.</param>
internal sealed class ClusterFacts(ApiClient api, string node, Task<V1Node> registered, TimeProvider time, ILogger log) : IClusterFacts
{
    private static readonly TimeSpan FirstAnswer = TimeSpan.FromSeconds(5);

    // Headless services give no variables; servers before 1.22 cannot leave them out.
    private readonly ObjectWatch<V1Service, V1ServiceList> _services = new(api, "api/v1/services?fieldSelector=spec.clusterIP%21%3DNone", Trim, time, log, plain: "api/v1/services");
    private readonly ObjectWatch<V1RuntimeClass, V1RuntimeClassList> _classes = new(api, "apis/node.k8s.io/v1/runtimeclasses", static c => c.Metadata.ManagedFields = null, time, log);
    private readonly ObjectWatch<V1Node, V1NodeList> _nodes = new(api, $"api/v1/nodes?fieldSelector=metadata.name%3D{node}", Trim, time, log);

    private CachedCluster? _cached;
    private FactsNow? _now;

    /// <summary>Completes with the next change; to be had before looking.</summary>
    public Task Changed => Task.WhenAny(_services.Changed, _classes.Changed, _nodes.Changed);

    /// <summary>Another value after each change; null before all of it is known.</summary>
    public FactsNow? Known
    {
        get
        {
            if (!_services.Synced.IsCompleted || !_classes.Synced.IsCompleted || !_nodes.Synced.IsCompleted) return null;
            (object services, object classes, object nodes) from = (_services.Objects, _classes.Objects, _nodes.Objects);
            return _now?.From == from ? _now : _now = new(from, [.. _services.Objects.Values], [.. _classes.Objects.Values], _nodes.Objects.Values.FirstOrDefault());
        }
    }

    /// <summary>What an earlier agent knew stands in until the API server answers.</summary>
    public void StandIn(CachedCluster cached) => Volatile.Write(ref _cached, cached);

    public async Task RunAsync(CancellationToken cancel)
    {
        await registered.WaitAsync(cancel);
        await Loops.TogetherAsync(cancel, _services.RunAsync, _classes.RunAsync, _nodes.RunAsync);
    }

    public async ValueTask<IReadOnlyCollection<V1Service>> ServicesAsync(V1Pod pod, CancellationToken cancel)
    {
        // A static pod may be what brings the API server up.
        if (!_services.Synced.IsCompleted && Volatile.Read(ref _cached) is { } cached) return cached.Services;
        if (StaticPodIdentity.IsFromApi(pod) && !await SyncedAsync(_services.Synced, cancel))
            throw new ContainerConfigException("services have not yet been read at least once, cannot construct envvars");
        return [.. _services.Objects.Values];
    }

    public async ValueTask<string> HandlerAsync(V1Pod pod, CancellationToken cancel)
    {
        if (pod.Spec.RuntimeClassName is not { Length: > 0 } name) return "";
        // A static pod names a handler of this node, whether or not there is a class of that name.
        if (!StaticPodIdentity.IsFromApi(pod)) return name;
        CachedCluster? cached = Volatile.Read(ref _cached);
        if (cached is null) await SyncedAsync(_classes.Synced, cancel);
        IEnumerable<V1RuntimeClass> classes = _classes.Synced.IsCompleted || cached is null ? _classes.Objects.Values : cached.Classes;
        return classes.FirstOrDefault(c => c.Metadata.Name == name)?.Handler
            ?? throw new RuntimeException(EventReasons.FailedCreatePodSandBox, $"runtimeclass.node.k8s.io \"{name}\" not found");
    }

    public NodeFacts Node(NodeFacts own)
    {
        V1Node? known = _nodes.Objects.Values.FirstOrDefault() ?? (registered.IsCompletedSuccessfully ? registered.Result : Volatile.Read(ref _cached)?.Node);
        return known is null ? own : own with
        {
            Labels = known.Metadata.Labels is { } labels ? new Dictionary<string, string>(labels) : own.Labels,
            Taints = [.. known.Spec?.Taints ?? []],
        };
    }

    /// <param name="From">The watches' copies that it was made of.</param>
    internal sealed record FactsNow((object Services, object Classes, object Nodes) From, ImmutableArray<V1Service> Services, ImmutableArray<V1RuntimeClass> Classes, V1Node? Node);

    private async ValueTask<bool> SyncedAsync(Task synced, CancellationToken cancel)
    {
        try
        {
            await synced.WaitAsync(FirstAnswer, time, cancel);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static void Trim(V1Service service)
    {
        V1ObjectMeta meta = service.Metadata;
        service.Metadata = new() { Name = meta.Name, NamespaceProperty = meta.NamespaceProperty, Uid = meta.Uid, ResourceVersion = meta.ResourceVersion };
        service.Spec = new() { ClusterIP = service.Spec?.ClusterIP, Ports = service.Spec?.Ports };
        service.Status = null;
    }

    /// <summary>Its status is what this node itself says.</summary>
    private static void Trim(V1Node node)
    {
        node.Metadata.ManagedFields = null;
        node.Status = null;
    }
}
