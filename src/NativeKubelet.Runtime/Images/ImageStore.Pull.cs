using System.Collections.Immutable;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;
using NativeKubelet.Runtime.Images.Store;

namespace NativeKubelet.Runtime.Images;

public sealed partial class ImageStore
{
    private const int ParallelLayers = 3;
    private readonly KeyedLock _fetching = new();
    // Pulls that need a layer's blob: the last one to leave discards it, as the unpacked layer is here by then.
    private readonly Dictionary<ContentDigest, int> _blobUsers = [];

    public async Task<ImageRecord> PullAsync(
        string reference, ImmutableArray<RegistryCredential> credentials, IProgress<PullProgress>? progress, CancellationToken cancel)
    {
        ImageReference name = ImageReference.Parse(reference);
        try
        {
            RegistryDocument top = await _registry.GetManifestAsync(name, credentials, cancel);
            if (name.Digest is { } asked && asked != top.Digest) throw new ImageFormatException($"asked for {asked}, got {top.Digest}");
            Pull pull = new(this, name, credentials, progress, cancel);
            ImagePlan plan = await ImagePlan.ResolveAsync(top.Content, top.Digest, top.MediaType, _host, pull.ReadDocumentAsync);
            ContentDigest[] chain = ContentDigest.Chain(plan.Configuration.DiffIds);
            using (ClaimLayers(chain))
            {
                await pull.LayersAsync(plan, chain);
                ImageRecord image = await AddAsync(plan, name.Tagged is { } tag ? [tag] : [], [$"{name.Repository}@{top.Digest}"], pinned: false, cancel);
                _log.ImagePulled(reference, image.Id, image.SizeBytes, plan.Layers.Length);
                return image;
            }
        }
        catch (Exception e) when (IsExpected(e))
        {
            throw Failure(reference, e);
        }
    }

    private void UseBlobs(ImmutableArray<ContentDescriptor> layers)
    {
        lock (_blobUsers)
            foreach (ContentDescriptor layer in layers) _blobUsers[layer.Digest] = _blobUsers.GetValueOrDefault(layer.Digest) + 1;
    }

    /// <summary>Blobs whose layers were unpacked go with their last user; others stay for the next try.</summary>
    private void LeaveBlobs(ImmutableArray<ContentDescriptor> layers, IReadOnlySet<ContentDigest> unpacked)
    {
        lock (_blobUsers)
            foreach (ContentDescriptor layer in layers)
            {
                if (--_blobUsers[layer.Digest] > 0) continue;
                _blobUsers.Remove(layer.Digest);
                if (unpacked.Contains(layer.Digest)) _blobs.Remove(layer.Digest);
            }
    }

    /// <summary>One pull: who asked, for what, and how it goes.</summary>
    private sealed class Pull(
        ImageStore store, ImageReference name, ImmutableArray<RegistryCredential> credentials, IProgress<PullProgress>? progress, CancellationToken cancel)
    {
        /// <summary>A manifest or configuration: from here if it is here, else from the registry.</summary>
        public async Task<byte[]> ReadDocumentAsync(ContentDescriptor descriptor)
        {
            if (store._blobs.TryRead(descriptor.Digest) is { } known) return known;
            if (descriptor.MediaType.Contains("manifest", StringComparison.Ordinal) || descriptor.MediaType.Contains("index", StringComparison.Ordinal))
                return (await store._registry.GetManifestAsync(name with { Tag = null, Digest = descriptor.Digest }, credentials, cancel)).Content;
            using RegistryBlob blob = await store._registry.OpenBlobAsync(name, descriptor, 0, credentials, cancel);
            byte[] content = new byte[descriptor.Size];
            int count = await blob.Content.ReadAtLeastAsync(content, content.Length, throwOnEndOfStream: false, cancel);
            return count == content.Length ? content : throw new IOException($"document {descriptor.Digest}: the connection ended after {count} of {content.Length} bytes");
        }

        /// <summary>Fetches what is missing, some at a time, and unpacks in order while the rest is still coming.</summary>
        public async Task LayersAsync(ImagePlan plan, ContentDigest[] chain)
        {
            using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            using SemaphoreSlim slots = new(ParallelLayers, ParallelLayers);
            HashSet<ContentDigest> unpacked = [];
            store.UseBlobs(plan.Layers);
            Task[] fetches = [.. plan.Layers.Select((layer, i) => FetchAsync(layer, chain[i], slots, failed.Token))];
            try
            {
                for (int i = 0; i < chain.Length; i++)
                {
                    ContentDescriptor layer = plan.Layers[i];
                    await fetches[i];
                    if (store._layers.TryGet(chain[i]) is null)
                    {
                        Report(layer, layer.Size, "Unpacking");
                        await store._layers.UnpackAsync(chain.AsMemory(0, i + 1), plan.Configuration.DiffIds[i], () => store._blobs.Open(layer.Digest), expected: null, cancel);
                    }
                    unpacked.Add(layer.Digest);
                    Report(layer, layer.Size, "Done");
                }
            }
            finally
            {
                await failed.CancelAsync();
                // All must have ended before their blobs are let go; the first failure is the one that is thrown above.
                await Task.WhenAll(fetches).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                store.LeaveBlobs(plan.Layers, unpacked);
            }
        }

        private async Task FetchAsync(ContentDescriptor layer, ContentDigest chain, SemaphoreSlim slots, CancellationToken end)
        {
            if (store._layers.TryGet(chain) is not null) return;
            using IDisposable turn = await store._fetching.TakeAsync(layer.Digest.Text, end);
            if (store._layers.TryGet(chain) is not null || store._blobs.Has(layer.Digest)) return;
            await slots.WaitAsync(end);
            try
            {
                for (bool again = true; ; again = false)
                    try
                    {
                        await store._blobs.FetchAsync(layer, offset => store._registry.OpenBlobAsync(name, layer, offset, credentials, end),
                            done => Report(layer, done, "Downloading"), end);
                        return;
                    }
                    catch (ImageFormatException e) when (again)
                    {
                        store._log.BlobRejected(layer.Digest.Text, e.Message);
                    }
            }
            finally
            {
                slots.Release();
            }
        }

        private void Report(ContentDescriptor layer, long done, string stage) => progress?.Report(new(layer.Digest.Hex[..12], done, layer.Size, stage));
    }
}
