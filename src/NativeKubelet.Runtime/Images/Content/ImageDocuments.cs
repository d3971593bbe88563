using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeKubelet.Runtime.Images.Content;

// What images and archives say of themselves (OCI image-spec 1.1; Docker's schema 2 has the same fields). Everything may
// be missing here; ImageContent turns it into what cannot be wrong.

internal sealed record DescriptorDocument(
    string? MediaType, string? Digest, long? Size, PlatformDocument? Platform, Dictionary<string, string>? Annotations);

internal sealed record PlatformDocument(string? Os, string? Architecture, string? Variant);

/// <summary>Manifest and index in one shape, so that one which wants to be both is seen.</summary>
internal sealed record ManifestDocument(
    int? SchemaVersion, string? MediaType, DescriptorDocument? Config, List<DescriptorDocument>? Layers, List<DescriptorDocument>? Manifests, JsonElement? FsLayers);

internal sealed record ConfigDocument(string? Os, string? Architecture, string? Variant, ConfigSection? Config, RootFsDocument? Rootfs);

internal sealed record RootFsDocument(string? Type, [property: JsonPropertyName("diff_ids")] List<string?>? DiffIds);

internal sealed record ConfigSection(
    [property: JsonPropertyName("Entrypoint")] List<string>? Entrypoint,
    [property: JsonPropertyName("Cmd")] List<string>? Cmd,
    [property: JsonPropertyName("Env")] List<string>? Env,
    [property: JsonPropertyName("WorkingDir")] string? WorkingDir,
    [property: JsonPropertyName("User")] string? User,
    [property: JsonPropertyName("StopSignal")] string? StopSignal,
    [property: JsonPropertyName("Volumes")] Dictionary<string, JsonElement>? Volumes);

/// <summary>One element of a docker-archive's manifest.json.</summary>
internal sealed record DockerArchiveImage(
    [property: JsonPropertyName("Config")] string? Config,
    [property: JsonPropertyName("RepoTags")] List<string?>? RepoTags,
    [property: JsonPropertyName("Layers")] List<string?>? Layers);

// Duplicate keys are refused: two readers must never see two images in one document (CVE-2021-41190).
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false, MaxDepth = 32)]
[JsonSerializable(typeof(ManifestDocument))]
[JsonSerializable(typeof(ConfigDocument))]
[JsonSerializable(typeof(List<DockerArchiveImage>))]
internal sealed partial class ImageDocumentsJson : JsonSerializerContext;
