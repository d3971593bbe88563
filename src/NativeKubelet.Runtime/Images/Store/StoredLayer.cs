using System.Text.Json;
using System.Text.Json.Serialization;
using NativeKubelet.Core.Containers;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Runtime.Images.Store;

/// <summary>layers/CHAIN/layer.json: what is known of an unpacked layer. Written before the directory gets its name.</summary>
/// <param name="Parent">Chain ID of the layer below; null for a base.</param>
/// <param name="Removed">Paths that the directory could not mark as removed (<see cref="LayerRemovals"/>).</param>
internal sealed record StoredLayer(
    int Version, string ChainId, string DiffId, string? Parent, int Entries, long Bytes, bool HidesLowers, List<byte[]> Removed, List<byte[]> Opaque)
{
    public const int CurrentVersion = 1;

    public LayerRemovals Removals() => Removed.Count + Opaque.Count == 0
        ? LayerRemovals.None
        : new(Removed.Select(p => new KernelPath(p)).ToHashSet(), Opaque.Select(p => new KernelPath(p)).ToHashSet());

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, StoreJson.Default.StoredLayer);

    /// <returns>Null when the bytes are no description that this build can read.</returns>
    public static StoredLayer? TryParse(ReadOnlySpan<byte> json)
    {
        try
        {
            StoredLayer? layer = JsonSerializer.Deserialize(json, StoreJson.Default.StoredLayer);
            bool right = layer is { Version: CurrentVersion } && ContentDigest.TryParse(layer.ChainId) is not null && ContentDigest.TryParse(layer.DiffId) is not null
                && (layer.Parent is null || ContentDigest.TryParse(layer.Parent) is not null)
                && !layer.Removed.Concat(layer.Opaque).Any(p => p is null || p.Contains((byte)0));
            return right ? layer : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>records/ID.json: one image. Names point at it from within, so that one rename changes them all.</summary>
/// <param name="Sequence">Grows with every write; of two records with one name the later owns it (a move of the name was cut short).</param>
/// <param name="Layers">diff IDs, base first.</param>
/// <param name="Blobs">Manifest, index, configuration.</param>
internal sealed record StoredImage(
    int Version, long Sequence, string Id, List<string> RepoTags, List<string> RepoDigests, List<string> Layers, List<string> Blobs, long SizeBytes, bool Pinned, ImageConfig Config)
{
    public const int CurrentVersion = 1;

    [JsonIgnore]
    public ContentDigest[] Chain => ContentDigest.Chain([.. Layers.Select(ContentDigest.Parse)]);

    public ImageRecord ToRecord() => new(Id, [.. RepoTags], [.. RepoDigests], [.. Layers], SizeBytes, Pinned, Config);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, StoreJson.Default.StoredImage);

    /// <returns>Null when the bytes are no record that this build can read.</returns>
    public static StoredImage? TryParse(ReadOnlySpan<byte> json)
    {
        try
        {
            StoredImage? image = JsonSerializer.Deserialize(json, StoreJson.Default.StoredImage);
            bool right = image is { Version: CurrentVersion, SizeBytes: >= 0, Config: { } config }
                && !config.Entrypoint.IsDefault && !config.Cmd.IsDefault && !config.Env.IsDefault && !config.Volumes.IsDefault
                // The serializer holds a list to be there, and not what is in it.
                && config.Entrypoint.Concat(config.Cmd).Concat(config.Env).Concat(config.Volumes).All(w => w is not null)
                && ContentDigest.TryParse(image.Id) is not null && image.Layers.Concat(image.Blobs).All(d => d is not null && ContentDigest.TryParse(d) is not null)
                && image.RepoTags.Concat(image.RepoDigests).All(n => n is not null && ImageReference.TryParse(n) is not null);
            return right ? image : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A mounted root file system: its layers stay for as long as its directory is there.</summary>
internal sealed record StoredLease(string Directory, List<string> Chain);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(StoredLayer))]
[JsonSerializable(typeof(StoredImage))]
[JsonSerializable(typeof(StoredLease))]
[JsonSerializable(typeof(Dictionary<string, Import.PreloadedFile>))]
internal sealed partial class StoreJson : JsonSerializerContext;
