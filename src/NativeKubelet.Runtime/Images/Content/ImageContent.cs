using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using NativeKubelet.Core.Containers;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Runtime.Images.Content;

/// <summary>A piece of content that is promised: where to find it, and what it must be.</summary>
public sealed record ContentDescriptor(string MediaType, ContentDigest Digest, long Size, Platform? Platform, ImmutableDictionary<string, string> Annotations);

/// <summary>A manifest: one image for one platform.</summary>
public sealed record ImageManifest(ContentDescriptor Config, ImmutableArray<ContentDescriptor> Layers);

/// <summary>A configuration: what runs, and what its layers are once unpacked.</summary>
public sealed record ImageConfiguration(Platform Platform, ImmutableArray<ContentDigest> DiffIds, ImageConfig Config);

/// <summary>Reads the documents of images strictly; all of it is pure.</summary>
public static class ImageContent
{
    /// <summary>What a manifest, an index or a configuration may weigh.</summary>
    public const int LargestDocument = 8 << 20;

    private const int MostLayers = 500;

    /// <summary>Reads bytes as what they are: an index (a list of descriptors) or a manifest.</summary>
    /// <param name="mediaType">What the bearer says it is, if he does; must agree with the bytes.</param>
    /// <exception cref="ImageFormatException">Neither, both at once, of an old schema, or incomplete.</exception>
    public static (ImmutableArray<ContentDescriptor> Index, ImageManifest? Manifest) ReadManifest(ReadOnlySpan<byte> content, string? mediaType)
    {
        ManifestDocument document = Read(content, ImageDocumentsJson.Default.ManifestDocument, "manifest");
        string type = document.MediaType ?? mediaType ?? "";
        if (document.FsLayers is not null || document.SchemaVersion == 1 || type.Contains("docker.distribution.manifest.v1+", StringComparison.Ordinal))
            throw new ImageFormatException($"media type \"{type}\" is no longer supported, re-push with a newer client");
        bool index = document.Manifests is not null;
        if (index && (document.Layers is not null || document.Config is not null))
            throw new ImageFormatException("the manifest wants to be an index and an image at once");
        foreach (string? said in (string?[])[document.MediaType, mediaType])
            if (SaysIndex(said) is { } claim && claim != index) throw new ImageFormatException($"the content is no {said}");
        if (index) return ([.. document.Manifests!.Select(Descriptor)], null);
        if (document.Config is null || document.Layers is null) throw new ImageFormatException("the manifest has no config or no layers");
        if (document.Layers.Count > MostLayers) throw new ImageFormatException($"the image has {document.Layers.Count} layers; at most {MostLayers} can be mounted");
        ImageManifest manifest = new(Descriptor(document.Config), [.. document.Layers.Select(Descriptor)]);
        if (manifest.Config.MediaType is not ("" or "application/vnd.oci.image.config.v1+json" or "application/vnd.docker.container.image.v1+json"))
            throw new ImageFormatException($"no image that can run, but an artifact of type {manifest.Config.MediaType}");
        // Compression is told by the bytes; encryption and other wrappings are not.
        foreach (ContentDescriptor layer in manifest.Layers)
            if (layer.MediaType.Length > 0 && (!layer.MediaType.Contains(".tar", StringComparison.Ordinal) || layer.MediaType.EndsWith("+encrypted", StringComparison.Ordinal)))
                throw new ImageFormatException($"layer {layer.Digest} is of type {layer.MediaType}, which cannot be unpacked");
        return ([], manifest);
    }

    /// <exception cref="ImageFormatException">No image, but something else that registries hold; or damaged.</exception>
    public static ImageConfiguration ReadConfig(ReadOnlySpan<byte> content)
    {
        ConfigDocument document = Read(content, ImageDocumentsJson.Default.ConfigDocument, "configuration");
        if (document.Rootfs?.DiffIds is not { } diffIds) throw new ImageFormatException("the configuration lists no layers: this is no image that can run");
        ConfigSection? section = document.Config;
        return new(
            new(document.Os ?? "", document.Architecture ?? "", document.Variant ?? ""),
            [.. diffIds.Select(ContentDigest.Parse)],
            new ImageConfig(Strings(section?.Entrypoint), Strings(section?.Cmd), Strings(section?.Env), section?.WorkingDir ?? "", section?.User ?? "",
                section?.StopSignal ?? "", [.. (section?.Volumes?.Keys ?? Enumerable.Empty<string>()).Order(StringComparer.Ordinal)]));
    }

    /// <summary>The images of a docker-archive's manifest.json.</summary>
    internal static List<DockerArchiveImage> ReadDockerArchive(ReadOnlySpan<byte> content) =>
        [.. Read(content, ImageDocumentsJson.Default.ListDockerArchiveImage, "manifest.json").Where(i => i is not null)];

    private static ImmutableArray<string> Strings(List<string>? list) => [.. (list ?? []).Where(s => s is not null)];

    private static ContentDescriptor Descriptor(DescriptorDocument? document) => document is null ? throw new ImageFormatException("a descriptor is null") : new(
        document.MediaType ?? "",
        ContentDigest.Parse(document.Digest),
        document.Size is >= 0 and { } size ? size : throw new ImageFormatException($"descriptor {document.Digest} has no size"),
        document.Platform is { } p ? new(p.Os ?? "", p.Architecture ?? "", p.Variant ?? "") : null,
        (document.Annotations ?? []).Where(a => a.Value is not null).ToImmutableDictionary(StringComparer.Ordinal));

    private static bool? SaysIndex(string? mediaType) => mediaType switch
    {
        "application/vnd.oci.image.index.v1+json" or "application/vnd.docker.distribution.manifest.list.v2+json" => true,
        "application/vnd.oci.image.manifest.v1+json" or "application/vnd.docker.distribution.manifest.v2+json" => false,
        _ => null,
    };

    private static T Read<T>(ReadOnlySpan<byte> content, JsonTypeInfo<T> type, string what) where T : class
    {
        if (content.Length > LargestDocument) throw new ImageFormatException($"the {what} is {content.Length} bytes; at most {LargestDocument} are taken");
        try
        {
            return JsonSerializer.Deserialize(content, type) ?? throw new ImageFormatException($"the {what} is null");
        }
        catch (JsonException e)
        {
            throw new ImageFormatException($"the {what} is no such document: {e.Message}", e);
        }
    }
}
