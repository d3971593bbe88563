using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;
using NativeKubelet.Runtime.Images.Store;

namespace NativeKubelet.Runtime.Images;

/// <summary>
/// The images of this node, on disk under DATA/images. What it says is there has been verified and synced; everything else
/// is removed or fetched again. One store per directory: the agent's lock on DATA sees to it.
/// </summary>
public sealed partial class ImageStore : IImageStore, IDisposable
{
    private static readonly TimeSpan Abandoned = TimeSpan.FromDays(1);

    private readonly StorePaths _paths;
    private readonly IImageRegistry _registry;
    private readonly LayerLimits _limits;
    private readonly ILogger _log;
    private readonly BlobStore _blobs;
    private readonly LayerStore _layers;
    private readonly LeaseStore _leases;
    private readonly Platform _host = Platform.Host;
    // Records, leases and removals take turns; fetching and unpacking do not.
    private readonly SemaphoreSlim _gate = new(1, 1);
    private ImmutableArray<StoredImage> _stored = [];
    private ImmutableArray<ImageRecord> _images = [];

    private ImageStore(StorePaths paths, IImageRegistry registry, LayerLimits limits, ILogger log)
    {
        (_paths, _registry, _limits, _log) = (paths, registry, limits, log);
        _blobs = new BlobStore(paths);
        _layers = new LayerStore(paths, limits, log);
        _leases = new LeaseStore(paths);
    }

    public ImmutableArray<ImageRecord> Images => _images;

    /// <summary>Reads the store and mends what a killed agent left. Costs a few file reads per image.</summary>
    public static ImageStore Open(RuntimePaths paths, IImageRegistry registry, LayerLimits limits, TimeProvider time, ILogger log)
    {
        StorePaths store = StorePaths.Of(paths);
        store.Create();
        ImageStore images = new(store, registry, limits, log);
        try
        {
            images.Load(time.GetUtcNow().UtcDateTime - Abandoned);
            return images;
        }
        catch
        {
            images.Dispose();
            throw;
        }
    }

    public ImageRecord? Find(string reference) => FindStored(reference)?.ToRecord();

    public async Task<bool> RemoveAsync(string reference, CancellationToken cancel)
    {
        await _gate.WaitAsync(cancel);
        try
        {
            if (FindStored(reference) is not { } image) return false;
            if (ById(reference) is null && ImageReference.TryParse(reference) is { } name && Without(image, name) is { } left)
            {
                Save(left);
                return true;
            }
            Delete(image);
            string shown = image.RepoTags.Concat(image.RepoDigests).FirstOrDefault(reference);
            _log.ImageRemoved(shown, image.Id);
        }
        finally
        {
            _gate.Release();
        }
        await _layers.PurgeAsync();
        return true;
    }

    /// <summary>Bytes on disk of layers and blobs, each once.</summary>
    public long UsedBytes() => _layers.All.Sum(l => l.Bytes) + _blobs.UsedBytes();

    public void Dispose()
    {
        _layers.Dispose();
        _gate.Dispose();
    }

    /// <summary>What is left of an image when one of its names goes; null when that was the last one.</summary>
    private static StoredImage? Without(StoredImage image, ImageReference name)
    {
        List<string> tags = [.. image.RepoTags.Where(t => t != name.Tagged)];
        string? digest = name.Digest is { } d ? $"{name.Repository}@{d}" : null;
        List<string> digests = [.. image.RepoDigests.Where(t => t != digest)];
        // Without a tag nobody asks for it by name any more; digests alone are kept only where one of them was removed.
        return tags.Count > 0 || (digest is not null && digests.Count > 0) ? image with { RepoTags = tags, RepoDigests = digests } : null;
    }

    private static ImageException Failure(string reference, Exception e) => e switch
    {
        ImageException known => known,
        ErrnoException { Errno: Errno.ENOSPC } => new("ErrImagePull", $"{reference}: the disk is full: {e.Message}; remove images or make room in the data directory", e),
        _ => new("ErrImagePull", $"{reference}: {e.Message}", e),
    };

    private static bool IsExpected(Exception e) => e is ImageFormatException or NoPlatformMatchException or IOException or UnauthorizedAccessException;
}
