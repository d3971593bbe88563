using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;

namespace NativeKubelet.Api.Kubernetes;

/// <summary>
/// The Kubernetes objects that this program reads and writes, as JSON. The package's models give the names; converters
/// and context are ours, since the package's own pull its whole client into the binary.
/// </summary>
public static class KubernetesJson
{
    /// <summary>Lenient like the API: unknown fields are passed over, null is "not set", nulls are not written.</summary>
    public static JsonSerializerOptions Options { get; } = new(KubernetesJsonContext.Default.Options)
    {
        TypeInfoResolver = KubernetesJsonContext.Default.WithAddedModifier(WriteMicroTimes),
    };

    public static JsonTypeInfo<V1Pod> Pod { get; } = TypeInfo<V1Pod>();
    public static JsonTypeInfo<V1PodList> PodList { get; } = TypeInfo<V1PodList>();

    public static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    public static byte[] Write<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, TypeInfo<T>());

    /// <exception cref="JsonException">Not JSON, or a value of the wrong type; the message names the place.</exception>
    public static T? Read<T>(ReadOnlySpan<byte> utf8) => JsonSerializer.Deserialize(utf8, TypeInfo<T>());

    /// <exception cref="JsonException">A value of the wrong type; the message names the place.</exception>
    public static T? Read<T>(JsonNode node) => node.Deserialize(TypeInfo<T>());

    /// <summary>An independent copy: models are mutable, and what is published must not be.</summary>
    public static V1Pod Clone(V1Pod pod) => JsonSerializer.Deserialize(JsonSerializer.SerializeToUtf8Bytes(pod, Pod), Pod)!;

    private static void WriteMicroTimes(JsonTypeInfo info)
    {
        // The models know one DateTime; the API has two forms and refuses a MicroTime without its six digits.
        if (info.Type != typeof(V1LeaseSpec) && info.Type != typeof(Corev1Event) && info.Type != typeof(Corev1EventSeries)) return;
        foreach (JsonPropertyInfo property in info.Properties)
            if (property.Name is "renewTime" or "acquireTime" or "eventTime" or "lastObservedTime")
                property.CustomConverter = MicroTimeConverter.Instance;
    }
}

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(QuantityConverter), typeof(IntOrStringConverter), typeof(TimeConverter)])]
[JsonSerializable(typeof(V1Pod))]
[JsonSerializable(typeof(V1PodList))]
[JsonSerializable(typeof(V1ConfigMap))]
[JsonSerializable(typeof(V1Secret))]
[JsonSerializable(typeof(V1PersistentVolumeClaim))]
[JsonSerializable(typeof(V1PersistentVolume))]
[JsonSerializable(typeof(V1Node))]
[JsonSerializable(typeof(V1Lease))]
[JsonSerializable(typeof(Corev1Event))]
[JsonSerializable(typeof(V1Status))]
[JsonSerializable(typeof(V1NodeList))]
[JsonSerializable(typeof(V1ConfigMapList))]
[JsonSerializable(typeof(V1SecretList))]
[JsonSerializable(typeof(V1PersistentVolumeClaimList))]
[JsonSerializable(typeof(V1PersistentVolumeList))]
[JsonSerializable(typeof(V1DeleteOptions))]
[JsonSerializable(typeof(Authenticationv1TokenRequest))]
[JsonSerializable(typeof(V1TokenReview))]
[JsonSerializable(typeof(V1SubjectAccessReview))]
[JsonSerializable(typeof(V1Service))]
[JsonSerializable(typeof(V1ServiceList))]
[JsonSerializable(typeof(V1RuntimeClass))]
[JsonSerializable(typeof(V1RuntimeClassList))]
[JsonSerializable(typeof(V1CertificateSigningRequest))]
[JsonSerializable(typeof(V1CertificateSigningRequestList))]
[JsonSerializable(typeof(JsonElement))] // what the models leave untyped: managedFields.fieldsV1
internal sealed partial class KubernetesJsonContext : JsonSerializerContext;
