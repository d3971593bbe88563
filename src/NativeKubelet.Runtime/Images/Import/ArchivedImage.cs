using System.Collections.Immutable;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;
using NativeKubelet.Runtime.Images.Store;

namespace NativeKubelet.Runtime.Images.Import;

/// <summary>One image of an archive: an OCI layout's (OCI image-spec, image-layout.md) or a docker-archive's.</summary>
internal abstract class ArchivedImage
{
    /// <summary>domain/path:tag, normalised.</summary>
    public required ImmutableArray<string> Tags { get; init; }

    /// <summary>domain/path@digest; empty where the archive keeps no manifest.</summary>
    public required ImmutableArray<string> RepoDigests { get; init; }

    /// <summary>An archive in both forms is taken as a layout, unless only the other form names its images.</summary>
    /// <exception cref="ImageFormatException">Neither form.</exception>
    public static ImmutableArray<ArchivedImage> List(ArchiveContent archive, Platform host)
    {
        bool layout = archive.Has("index.json"), docker = archive.Has("manifest.json");
        if (!layout && !docker) throw new ImageFormatException("it has neither index.json (an OCI layout) nor manifest.json (docker save): this is no image archive");
        ImmutableArray<ArchivedImage> images = layout ? LayoutImage.ListLayout(archive, host) : [];
        return docker && images.All(i => i.Tags.IsEmpty) ? DockerImage.ListDocker(archive) : images;
    }

    public abstract Task<ImagePlan> PlanAsync(ArchiveContent archive, Platform host);

    /// <summary>The file with a layer, and the digest that it must have if one is promised (the diff ID is checked in any case).</summary>
    public abstract (string File, ContentDigest? Expected) LayerFile(ImagePlan plan, int layer);

    private sealed class LayoutImage(ContentDescriptor top) : ArchivedImage
    {
        private const string FullName = "io.containerd.image.name", RefName = "org.opencontainers.image.ref.name";

        public static ImmutableArray<ArchivedImage> ListLayout(ArchiveContent archive, Platform host)
        {
            (ImmutableArray<ContentDescriptor> index, ImageManifest? manifest) = ImageContent.ReadManifest(archive.ReadDocument("index.json"), null);
            if (manifest is not null) throw new ImageFormatException("index.json is no index");
            // Entries of one name are one image for several platforms.
            return [.. index.GroupBy(NameOf, StringComparer.Ordinal)
                .Select(g => (Name: g.Key, Choice: Platform.Choose(g, host) ?? g.First()))
                .Select(g => Create(g.Name, g.Choice))];
        }

        public override Task<ImagePlan> PlanAsync(ArchiveContent archive, Platform host) =>
            ImagePlan.ResolveAsync(archive.ReadDocument(BlobName(top.Digest)), top.Digest, top.MediaType.Length > 0 ? top.MediaType : null, host,
                d => Task.FromResult(archive.ReadDocument(BlobName(d.Digest))));

        public override (string, ContentDigest?) LayerFile(ImagePlan plan, int layer) => (BlobName(plan.Layers[layer].Digest), plan.Layers[layer].Digest);

        private static string NameOf(ContentDescriptor descriptor) =>
            descriptor.Annotations.GetValueOrDefault(FullName) ?? descriptor.Annotations.GetValueOrDefault(RefName) ?? "";

        private static LayoutImage Create(string text, ContentDescriptor top)
        {
            // "latest" alone, as some tools write, is the tag of an image that goes without saying; not of one called so.
            bool full = text.AsSpan().IndexOfAny('/', ':') >= 0 || top.Annotations.ContainsKey(FullName);
            ImageReference? name = full ? ImageReference.TryParse(text) : null;
            return new(top)
            {
                Tags = name?.Tagged is { } tag ? [tag] : [],
                RepoDigests = name is null ? [] : [$"{name.Repository}@{top.Digest}"],
            };
        }

        private static string BlobName(ContentDigest digest) => $"blobs/{digest.Text.Replace(':', '/')}";
    }

    private sealed class DockerImage(string config, ImmutableArray<string> layers) : ArchivedImage
    {
        public static ImmutableArray<ArchivedImage> ListDocker(ArchiveContent archive) =>
            [.. ImageContent.ReadDockerArchive(archive.ReadDocument("manifest.json")).Select(Create)];

        public override Task<ImagePlan> PlanAsync(ArchiveContent archive, Platform host)
        {
            byte[] content = archive.ReadDocument(config);
            ContentDigest id = ContentDigest.Of(content);
            // The file is named by its digest, in the old form (HEX.json) and in the new (blobs/sha256/HEX).
            string promised = Path.GetFileNameWithoutExtension(config);
            if (ContentDigest.TryParse("sha256:" + promised) is { } digest && digest != id) throw new ImageFormatException($"{config} is not what its name promises");
            return Task.FromResult(ImagePlan.Checked(id, ImageContent.ReadConfig(content), [.. layers.Select(l => Packed(archive, l, id))], [(id, content)], host));
        }

        public override (string, ContentDigest?) LayerFile(ImagePlan plan, int layer) => (layers[layer], null);

        private static DockerImage Create(DockerArchiveImage image) =>
            new(image.Config ?? throw new ImageFormatException("manifest.json names no configuration"), [.. (image.Layers ?? []).Select(l => l ?? "")])
            {
                Tags = [.. (image.RepoTags ?? []).Select(t => t is null ? null : ImageReference.TryParse(t)?.Tagged).OfType<string>()],
                RepoDigests = [],
            };

        // Only the size counts here: of such a layer nothing but its diff ID is promised.
        private static ContentDescriptor Packed(ArchiveContent archive, string layer, ContentDigest any)
        {
            using Stream file = archive.Open(layer);
            return new("", any, file.Length, null, ImmutableDictionary<string, string>.Empty);
        }
    }
}
