using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using KubernetesJson = NativeKubelet.Api.Kubernetes.KubernetesJson;

namespace NativeKubelet.Cluster;

/// <summary>A pod of the API with the objects that it refers to, as <see cref="BootCache"/> keeps it in one file.</summary>
internal sealed record CachedPod(V1Pod Pod, ImmutableArray<NodeObject> Objects)
{
    /// <summary>Equal bytes for what is equal to the pod.</summary>
    public static byte[] Write(V1Pod pod, IEnumerable<NodeObject> objects) => CacheJson.Bytes(new JsonObject
    {
        ["pod"] = CacheJson.Node(Bare(pod)),
        ["objects"] = new JsonArray([.. objects.OrderBy(o => o.Key.ToString(), StringComparer.Ordinal).Select(o => (JsonNode)new JsonObject { ["kind"] = o.Key.Kind.ToString(), ["object"] = NodeOf(o) })]),
    });

    /// <exception cref="JsonException">It is no such file.</exception>
    public static CachedPod Read(byte[] file) => CacheJson.Read(file, root =>
    {
        ImmutableArray<NodeObject> objects = [.. CacheJson.Items(root, "objects").Select(o => ObjectOf(o as JsonObject ?? throw new JsonException("no object")))];
        V1Pod pod = CacheJson.Required<V1Pod>(root["pod"]);
        return pod is { Metadata.Uid.Length: > 0, Spec.Containers: not null } ? new CachedPod(pod, objects) : throw new JsonException("the pod is not whole");
    });

    /// <summary>Without what changes while the pod does not: where it comes from, what it reports, who wrote it when.</summary>
    private static V1Pod Bare(V1Pod pod)
    {
        V1Pod bare = KubernetesJson.Clone(pod);
        bare.Status = null;
        bare.Metadata.ResourceVersion = null;
        bare.Metadata.ManagedFields = null;
        bare.Metadata.Annotations?.Remove(StaticPodIdentity.SourceAnnotation);
        bare.Metadata.Annotations?.Remove(StaticPodIdentity.SeenAnnotation);
        return bare;
    }

    private static JsonNode NodeOf(NodeObject found) => found.Model switch
    {
        V1ConfigMap map => CacheJson.Node(map),
        V1Secret secret => CacheJson.Node(secret),
        V1PersistentVolumeClaim claim => CacheJson.Node(claim),
        V1PersistentVolume volume => CacheJson.Node(volume),
        var other => throw new InvalidOperationException($"no such kind of object: {other.GetType().Name}"),
    };

    private static NodeObject ObjectOf(JsonObject kept)
    {
        JsonNode? given = kept["object"];
        switch (kept["kind"]?.GetValue<string>())
        {
            case nameof(ObjectKind.ConfigMap):
                V1ConfigMap map = CacheJson.Required<V1ConfigMap>(given);
                return ApiObjects.Known(ObjectKey.ConfigMap(map.Metadata.NamespaceProperty, map.Metadata.Name), map);
            case nameof(ObjectKind.Secret):
                V1Secret secret = CacheJson.Required<V1Secret>(given);
                return ApiObjects.Known(ObjectKey.Secret(secret.Metadata.NamespaceProperty, secret.Metadata.Name), secret);
            case nameof(ObjectKind.PersistentVolumeClaim):
                V1PersistentVolumeClaim claim = CacheJson.Required<V1PersistentVolumeClaim>(given);
                return ApiObjects.Known(ObjectKey.Claim(claim.Metadata.NamespaceProperty, claim.Metadata.Name), claim);
            case nameof(ObjectKind.PersistentVolume):
                V1PersistentVolume volume = CacheJson.Required<V1PersistentVolume>(given);
                return ApiObjects.Known(ObjectKey.Volume(volume.Metadata.Name), volume);
            default:
                throw new JsonException("an object of no known kind");
        }
    }
}

/// <summary>The rest that a node needs to know of its cluster, in one more file.</summary>
internal sealed record CachedSurroundings(ImmutableArray<V1Service> Services, ImmutableArray<V1RuntimeClass> Classes, V1Node? Node)
{
    public static CachedSurroundings None { get; } = new([], [], null);

    /// <summary>Equal bytes for what is equal to the pods.</summary>
    public static byte[] Write(IEnumerable<V1Service> services, IEnumerable<V1RuntimeClass> classes, V1Node? node) => CacheJson.Bytes(new JsonObject
    {
        ["services"] = new JsonArray([.. services.OrderBy(s => s.Metadata.Uid, StringComparer.Ordinal).Select(CacheJson.Node)]),
        ["runtimeClasses"] = new JsonArray([.. classes.OrderBy(c => c.Metadata.Uid, StringComparer.Ordinal).Select(CacheJson.Node)]),
        ["node"] = node is null ? null : CacheJson.Node(new V1Node { Metadata = new() { Name = node.Metadata.Name, Uid = node.Metadata.Uid, Labels = node.Metadata.Labels } }),
    });

    /// <exception cref="JsonException">It is no such file.</exception>
    public static CachedSurroundings Read(byte[] file) => CacheJson.Read(file, root => new CachedSurroundings(
        [.. CacheJson.Items(root, "services").Select(CacheJson.Required<V1Service>)],
        [.. CacheJson.Items(root, "runtimeClasses").Select(CacheJson.Required<V1RuntimeClass>)],
        root["node"] is { } given ? CacheJson.Required<V1Node>(given) : null));
}
