using System.Buffers;
using System.Text.Json;
using k8s;
using k8s.Models;
using KubernetesJson = NativeKubelet.Api.Kubernetes.KubernetesJson;

namespace NativeKubelet.Cluster;

/// <summary>What lists and watches carry, refused where it lacks what every object of an API server has.</summary>
internal static class WatchEvent
{
    /// <summary>A bookmark has a version and nothing else.</summary>
    /// <exception cref="JsonException">It is no such object.</exception>
    public static T Object<T>(WatchEventType type, ReadOnlySequence<byte> json) where T : class, IKubernetesObject<V1ObjectMeta>
    {
        Utf8JsonReader reader = new(json);
        T? item = JsonSerializer.Deserialize(ref reader, KubernetesJson.TypeInfo<T>());
        if (item is not { Metadata.ResourceVersion.Length: > 0 }) throw new JsonException("an event of an object without a resourceVersion");
        return type == WatchEventType.Bookmark ? item : Whole(item);
    }

    /// <summary>It itself, once it is seen that it can be kept by its UID.</summary>
    /// <exception cref="JsonException">It does not say who it is.</exception>
    public static T Whole<T>(T? item) where T : class, IKubernetesObject<V1ObjectMeta> =>
        item is { Metadata: { Name.Length: > 0, Uid.Length: > 0 } } ? item : throw new JsonException("an object without a name or a UID");

    /// <summary>What ended the watch, as the server says it.</summary>
    /// <exception cref="JsonException">It is no Status.</exception>
    public static ApiException Failure(ReadOnlySequence<byte> json, string path)
    {
        Utf8JsonReader reader = new(json);
        V1Status status = JsonSerializer.Deserialize(ref reader, KubernetesJson.TypeInfo<V1Status>()) ?? new();
        return new ApiException(status.Code ?? 0, status.Reason ?? "", $"watch {path.Split('?')[0]}: {status.Message}");
    }
}
