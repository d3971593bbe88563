using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Linux.Files;
using KubernetesJson = NativeKubelet.Api.Kubernetes.KubernetesJson;

namespace NativeKubelet.Cluster;

/// <summary>What this node last knew of its cluster: enough to start its pods while the API server cannot be reached.</summary>
/// <param name="Services">As far as containers are told of them.</param>
internal sealed record CachedCluster(
    ImmutableArray<V1Pod> Pods, ImmutableArray<NodeObject> Objects, ImmutableArray<V1Service> Services, ImmutableArray<V1RuntimeClass> Classes, V1Node? Node);

/// <summary>
/// Keeps that on disk: a file for each pod with all objects that it refers to, Secrets too, so nobody but root may read it; one more
/// for the rest. Nothing is written while nothing changes. A file that cannot be read is set aside, and its pod waits for the server.
/// </summary>
/// <param name="seal">Null: files are plain.</param>
internal sealed partial class BootCache(string directory, CacheSeal? seal, ILogger log)
{
    private const string Around = "cluster.json";
    private const uint Secret = 0x180, SecretDirectory = 0x1C0; // 0600, 0700
    private const UnixFileMode OwnersOnly = (UnixFileMode)SecretDirectory;

    private string Pods => Path.Combine(directory, "pods");

    public CachedCluster Load()
    {
        if (seal is not null) RemovePlainLeftovers();
        List<V1Pod> pods = [];
        Dictionary<ObjectKey, NodeObject> objects = [];
        if (Directory.Exists(Pods))
            foreach (string file in Directory.GetFiles(Pods, "*.json"))
                Read(file, root =>
                {
                    List<NodeObject> own = [.. Items(root, "objects").Select(o => ObjectOf(o as JsonObject ?? throw new JsonException("no object")))];
                    V1Pod pod = Required<V1Pod>(root["pod"]);
                    if (pod is not { Metadata.Uid.Length: > 0, Spec.Containers: not null }) throw new JsonException("the pod is not whole");
                    pods.Add(pod);
                    foreach (NodeObject found in own) objects[found.Key] = found;
                });
        List<V1Service> services = [];
        List<V1RuntimeClass> classes = [];
        V1Node? node = null;
        if (Path.Combine(directory, Around) is var around && File.Exists(around))
            Read(around, root =>
            {
                services.AddRange(Items(root, "services").Select(Required<V1Service>));
                classes.AddRange(Items(root, "runtimeClasses").Select(Required<V1RuntimeClass>));
                node = root["node"] is { } given ? Required<V1Node>(given) : null;
            });
        return new([.. pods], [.. objects.Values], [.. services], [.. classes], node);
    }

    /// <summary>What was set aside, or being written when an agent was killed, before there was a key.</summary>
    private void RemovePlainLeftovers()
    {
        foreach (string folder in (string[])[directory, Pods])
            foreach (string file in Directory.Exists(folder) ? Directory.GetFiles(folder).Where(f => !f.EndsWith(".json", StringComparison.Ordinal)) : [])
                if (!CacheSeal.IsSealed(File.ReadAllBytes(file))) File.Delete(file);
    }

    /// <summary>Those that are kept, by UID.</summary>
    public IEnumerable<string> KeptPods => Directory.Exists(Pods) ? Directory.GetFiles(Pods, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)) : [];

    public void Keep(V1Pod pod, IEnumerable<NodeObject> objects) => Write(Path.Combine(Pods, pod.Metadata.Uid + ".json"), new JsonObject
    {
        ["pod"] = Node(Bare(pod)),
        ["objects"] = new JsonArray([.. objects.OrderBy(o => o.Key.ToString(), StringComparer.Ordinal).Select(o => (JsonNode)new JsonObject { ["kind"] = o.Key.Kind.ToString(), ["object"] = NodeOf(o) })]),
    });

    public void KeepAround(IEnumerable<V1Service> services, IEnumerable<V1RuntimeClass> classes, V1Node? node) => Write(Path.Combine(directory, Around), new JsonObject
    {
        ["services"] = new JsonArray([.. services.OrderBy(s => s.Metadata.Uid, StringComparer.Ordinal).Select(s => Node(s))]),
        ["runtimeClasses"] = new JsonArray([.. classes.OrderBy(c => c.Metadata.Uid, StringComparer.Ordinal).Select(c => Node(c))]),
        ["node"] = node is null ? null : Node(new V1Node { Metadata = new() { Name = node.Metadata.Name, Uid = node.Metadata.Uid, Labels = node.Metadata.Labels } }),
    });

    public void Forget(string podUid) => File.Delete(Path.Combine(Pods, podUid + ".json"));

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

    private static JsonNode Node<T>(T value) => JsonSerializer.SerializeToNode(value, KubernetesJson.TypeInfo<T>())!;

    private static JsonNode NodeOf(NodeObject found) => found.Model switch
    {
        V1ConfigMap map => Node(map),
        V1Secret secret => Node(secret),
        V1PersistentVolumeClaim claim => Node(claim),
        V1PersistentVolume volume => Node(volume),
        var other => throw new InvalidOperationException($"no such kind of object: {other.GetType().Name}"),
    };

    private static NodeObject ObjectOf(JsonObject kept)
    {
        JsonNode? given = kept["object"];
        switch (Enum.Parse<ObjectKind>(kept["kind"]?.GetValue<string>() ?? ""))
        {
            case ObjectKind.ConfigMap:
                V1ConfigMap map = Required<V1ConfigMap>(given);
                return ApiObjects.Known(ObjectKey.ConfigMap(map.Metadata.NamespaceProperty, map.Metadata.Name), map);
            case ObjectKind.Secret:
                V1Secret secret = Required<V1Secret>(given);
                return ApiObjects.Known(ObjectKey.Secret(secret.Metadata.NamespaceProperty, secret.Metadata.Name), secret);
            case ObjectKind.PersistentVolumeClaim:
                V1PersistentVolumeClaim claim = Required<V1PersistentVolumeClaim>(given);
                return ApiObjects.Known(ObjectKey.Claim(claim.Metadata.NamespaceProperty, claim.Metadata.Name), claim);
            default:
                V1PersistentVolume volume = Required<V1PersistentVolume>(given);
                return ApiObjects.Known(ObjectKey.Volume(volume.Metadata.Name), volume);
        }
    }

    private static JsonArray Items(JsonObject root, string field) => root[field] as JsonArray ?? throw new JsonException($"{field} is missing");

    private static T Required<T>(JsonNode? node) where T : class, IKubernetesObject<V1ObjectMeta> =>
        node is not null && KubernetesJson.Read<T>(node) is { Metadata.Name.Length: > 0 } read ? read : throw new JsonException($"{typeof(T).Name} is missing");

    private void Read(string file, Action<JsonObject> take)
    {
        try
        {
            byte[] content = File.ReadAllBytes(file);
            if (seal is not null && !CacheSeal.IsSealed(content))
            {
                // Of the time before there was a key: nothing of it is to stay.
                File.Delete(file);
                CacheNotSealed(file);
                return;
            }
            take(JsonNode.Parse(Opened(file, content)) as JsonObject ?? throw new JsonException("no object"));
        }
        catch (Exception e) when (e is JsonException or CryptographicException or InvalidOperationException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            // Its words could show a value of a Secret; the place says enough.
            CacheBroken(AtomicFile.SetAside(file), e.GetType().Name);
        }
    }

    private void Write(string file, JsonObject content)
    {
        try
        {
            Directory.CreateDirectory(Pods, OwnersOnly);
            byte[] bytes = Encoding.UTF8.GetBytes(content.ToJsonString());
            if (seal is null) AtomicFile.Write(file, bytes, Secret);
            else if (!Holds(file, bytes)) AtomicFile.Write(file, seal.Close(Path.GetFileName(file), bytes), Secret);
        }
        catch (IOException e)
        {
            CacheNotWritten(file, e.Message);
        }
    }

    private byte[] Opened(string file, byte[] content) => seal is null ? content : seal.Open(Path.GetFileName(file), content);

    /// <summary>No two sealed files are equal, so it is what is in them that tells whether anything changes.</summary>
    private bool Holds(string file, byte[] bytes)
    {
        try
        {
            return File.Exists(file) && Opened(file, File.ReadAllBytes(file)).AsSpan().SequenceEqual(bytes);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "BootCacheNotSealed path={Path}: it is removed, as a key for the cache is given; what it says is had from the API server again")]
    private partial void CacheNotSealed(string path);

    [LoggerMessage(LogLevel.Error, "BootCacheBroken: it is set aside as {Path} ({What}); what it says is had from the API server again")]
    private partial void CacheBroken(string path, string what);

    [LoggerMessage(LogLevel.Warning, "BootCacheNotWritten path={Path}: {Cause}; a start without the API server would not know the newest")]
    private partial void CacheNotWritten(string path, string cause);
}
