using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Network;

/// <summary>A pod's own limits by its annotations, in bits per second; null is no limit.</summary>
public sealed record CniBandwidth(long? Ingress, long? Egress)
{
    private const string IngressKey = "kubernetes.io/ingress-bandwidth", EgressKey = "kubernetes.io/egress-bandwidth";
    private const long Least = 1000, Most = 1_000_000_000_000_000, Burst = uint.MaxValue;

    /// <returns>Null without annotations, and the reason where one cannot be used.</returns>
    public static CniBandwidth? Of(ImmutableDictionary<string, string> annotations, out string? problem)
    {
        problem = null;
        long? ingress = Read(annotations, IngressKey, ref problem), egress = Read(annotations, EgressKey, ref problem);
        return ingress is null && egress is null ? null : new(ingress, egress);
    }

    public JsonObject ToJson()
    {
        JsonObject json = [];
        if (Ingress is { } i) (json["ingressRate"], json["ingressBurst"]) = (i, Burst);
        if (Egress is { } e) (json["egressRate"], json["egressBurst"]) = (e, Burst);
        return json;
    }

    private static long? Read(ImmutableDictionary<string, string> annotations, string key, ref string? problem)
    {
        if (!annotations.TryGetValue(key, out string? text)) return null;
        if (!Quantity.TryParse(text, out Quantity quantity)) problem = $"annotation {key}: \"{text}\" is no quantity";
        else if (quantity.Whole < Least) problem = $"annotation {key}: resource is unreasonably small (< 1kbit)";
        else if (quantity.Whole > Most) problem = $"annotation {key}: resource is unreasonably large (> 1Pbit)";
        else return quantity.Whole;
        return null;
    }
}

[JsonSerializable(typeof(JsonObject))]
internal sealed partial class JsonNodes : JsonSerializerContext;
