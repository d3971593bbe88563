using System.Collections.Immutable;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Runtime.Images.Store;

/// <summary>What has to be done for one image, known before any layer is fetched.</summary>
/// <param name="Id">The configuration's digest.</param>
/// <param name="Layers">As packed, base first; as many as there are diff IDs.</param>
/// <param name="Documents">Index, manifest, configuration: all verified.</param>
internal sealed record ImagePlan(
    ContentDigest Id, ImageConfiguration Configuration, ImmutableArray<ContentDescriptor> Layers, ImmutableArray<(ContentDigest Digest, byte[] Content)> Documents)
{
    private const int DeepestIndex = 4;

    public long SizeBytes => Layers.Sum(l => l.Size) + Documents.Sum(d => (long)d.Content.Length);

    /// <summary>Goes from a manifest or index down to the image for this machine.</summary>
    /// <param name="read">Gives a document's bytes; they are verified here.</param>
    /// <exception cref="ImageFormatException">Nothing for this platform, or content that is not what was promised.</exception>
    public static async Task<ImagePlan> ResolveAsync(
        byte[] top, ContentDigest topDigest, string? mediaType, Platform host, Func<ContentDescriptor, Task<byte[]>> read)
    {
        if (!topDigest.Matches(top)) throw new ImageFormatException($"the manifest is not what its digest {topDigest} promises");
        List<(ContentDigest, byte[])> documents = [(topDigest, top)];
        for (int depth = 0; depth < DeepestIndex; depth++)
        {
            (ImmutableArray<ContentDescriptor> index, ImageManifest? manifest) = ImageContent.ReadManifest(documents[^1].Item2, mediaType);
            if (manifest is null)
            {
                ContentDescriptor choice = Platform.Choose(index, host) ?? throw NoMatch(host);
                documents.Add((choice.Digest, await ReadAsync(choice, read)));
                mediaType = choice.MediaType.Length > 0 ? choice.MediaType : null;
                continue;
            }
            byte[] config = await ReadAsync(manifest.Config, read);
            documents.Add((manifest.Config.Digest, config));
            return Checked(manifest.Config.Digest, ImageContent.ReadConfig(config), manifest.Layers, [.. documents], host);
        }
        throw new ImageFormatException($"more than {DeepestIndex} indexes inside one another");
    }

    public static ImagePlan Checked(
        ContentDigest id, ImageConfiguration configuration, ImmutableArray<ContentDescriptor> layers, ImmutableArray<(ContentDigest, byte[])> documents, Platform host)
    {
        if (configuration.Platform.RankOn(host) is null) throw NoMatch(host);
        if (configuration.DiffIds.Length != layers.Length)
            throw new ImageFormatException($"the manifest has {layers.Length} layers, the configuration {configuration.DiffIds.Length}");
        return new(id, configuration, layers, documents);
    }

    private static async Task<byte[]> ReadAsync(ContentDescriptor descriptor, Func<ContentDescriptor, Task<byte[]>> read)
    {
        if (descriptor.Size > ImageContent.LargestDocument) throw new ImageFormatException($"document {descriptor.Digest} is {descriptor.Size} bytes; at most {ImageContent.LargestDocument} are taken");
        byte[] content = await read(descriptor);
        if (content.Length != descriptor.Size) throw new ImageFormatException($"document {descriptor.Digest} is {content.Length} bytes instead of the {descriptor.Size} promised");
        return descriptor.Digest.Matches(content) ? content : throw new ImageFormatException($"document {descriptor.Digest} is not what its digest promises");
    }

    private static NoPlatformMatchException NoMatch(Platform host) => new(host);
}

/// <summary>A decent image, but none for this machine.</summary>
internal sealed class NoPlatformMatchException(Platform host) : Exception($"no match for platform in manifest: not found (this machine is {host})");
