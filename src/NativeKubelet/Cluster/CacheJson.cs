using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using KubernetesJson = NativeKubelet.Api.Kubernetes.KubernetesJson;

namespace NativeKubelet.Cluster;

/// <summary>What the files of the boot cache have in common: one object of JSON, with parts that must be there.</summary>
internal static class CacheJson
{
    public static byte[] Bytes(JsonObject content) => Encoding.UTF8.GetBytes(content.ToJsonString());

    public static JsonNode Node<T>(T value) => JsonSerializer.SerializeToNode(value, KubernetesJson.TypeInfo<T>())!;

    public static JsonArray Items(JsonObject root, string field) => root[field] as JsonArray ?? throw new JsonException($"{field} is missing");

    public static T Required<T>(JsonNode? node) where T : class, IKubernetesObject<V1ObjectMeta> =>
        node is not null && KubernetesJson.Read<T>(node) is { Metadata.Name.Length: > 0 } read ? read : throw new JsonException($"{typeof(T).Name} is missing");

    /// <exception cref="JsonException">In place of all that JSON of other shapes brings about.</exception>
    public static T Read<T>(byte[] file, Func<JsonObject, T> take)
    {
        try
        {
            return take(JsonNode.Parse(file) as JsonObject ?? throw new JsonException("no object"));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new JsonException(e.Message, e);      // a text that is none, a name that is there twice
        }
    }
}
