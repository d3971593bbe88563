using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Network;

/// <summary>What the built-in network changed on the node, so that it can be put back; worth nothing in another boot.</summary>
/// <param name="OwnsBridge">The link is (or is about to be) of our making.</param>
/// <param name="TunablesBefore">By path below /proc/sys/net, the value that was found; only of those that were changed.</param>
internal sealed record BridgeState(string BootId, bool OwnsBridge, ImmutableSortedDictionary<string, string> TunablesBefore)
{
    private const int MaxBytes = 64 << 10;

    /// <summary>An unreadable or missing file reads as "nothing was changed".</summary>
    public static BridgeState Load(string path, string bootId)
    {
        try
        {
            if (RegularFile.TryRead(path, MaxBytes, out byte[] content) == RegularFileResult.Read
                && JsonSerializer.Deserialize(content, BridgeStateJson.Default.BridgeState) is { } state && state.BootId == bootId) return state;
        }
        catch (JsonException)
        {
            AtomicFile.SetAside(path);
        }
        return new(bootId, OwnsBridge: false, ImmutableSortedDictionary<string, string>.Empty);
    }

    public void Save(string path) => AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, BridgeStateJson.Default.BridgeState), durable: false);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(BridgeState))]
internal sealed partial class BridgeStateJson : JsonSerializerContext;
