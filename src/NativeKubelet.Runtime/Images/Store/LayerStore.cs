using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Runtime.Images.Store;

/// <summary>
/// Unpacked layers, by chain ID: one directory each, shared by all images that begin with the same layers. A directory has
/// its name only when everything in it is on the disk.
/// </summary>
internal sealed class LayerStore(StorePaths paths, LayerLimits limits, ILogger log) : IDisposable
{
    private const string Description = "layer.json", Diff = "diff", InWork = ".new-", Going = ".gone-";
    private readonly ConcurrentDictionary<string, StoredLayer> _known = new(StringComparer.Ordinal);
    // Unpacking fills one core and the disk; two at once would only take the memory of two.
    private readonly SemaphoreSlim _unpacking = new(1, 1), _purging = new(1, 1);

    public IEnumerable<StoredLayer> All => _known.Values;

    public string DiffOf(ContentDigest chain) => Path.Combine(DirectoryOf(chain), Diff);

    public StoredLayer? TryGet(ContentDigest chain) => _known.GetValueOrDefault(chain.Text);

    /// <summary>Reads what is there; removes what a killed agent left half made or half removed.</summary>
    public void Load()
    {
        foreach (string directory in Directory.GetDirectories(paths.Layers))
        {
            string name = Path.GetFileName(directory);
            if (name.StartsWith('.')) { Delete(directory); continue; }
            string description = Path.Combine(directory, Description);
            StoredLayer? layer = File.Exists(description) ? StoredLayer.TryParse(File.ReadAllBytes(description)) : null;
            if (layer is not null && name == ContentDigest.Parse(layer.ChainId).Hex && Directory.Exists(Path.Combine(directory, Diff))) _known[layer.ChainId] = layer;
            else
            {
                // Content that comes again with the next pull: removed, not kept, as disks are small.
                log.LayerSetAside(directory, "no valid layer.json");
                Delete(directory);
            }
        }
    }

    /// <summary>Unpacks a layer upon its parents, which are here. When it is here already, nothing is done.</summary>
    /// <param name="chain">The image's chain IDs up to this layer, base first.</param>
    /// <param name="open">Gives the blob; disposed here. Not called when there is nothing to do.</param>
    /// <param name="expected">The blob's digest, where it is to be verified.</param>
    /// <exception cref="ImageFormatException">Damaged or hostile, or not what its diff ID promises. Nothing is left of it.</exception>
    public async Task UnpackAsync(ReadOnlyMemory<ContentDigest> chain, ContentDigest diffId, Func<Stream> open, ContentDigest? expected, CancellationToken cancel)
    {
        ContentDigest own = chain.Span[^1];
        await _unpacking.WaitAsync(cancel);
        try
        {
            if (_known.ContainsKey(own.Text)) return;
            // Long and synchronous: on a thread of its own, not on one that answers health checks.
            await Task.Factory.StartNew(() => Unpack(chain.Span, diffId, open, expected, cancel), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        finally
        {
            _unpacking.Release();
        }
    }

    /// <summary>The layers that an overlay stacks, topmost first, down to one that hides the rest.</summary>
    /// <exception cref="DirectoryNotFoundException">One is not here.</exception>
    public List<StoredLayer> Stack(ReadOnlySpan<ContentDigest> chain)
    {
        List<StoredLayer> stack = [];
        for (int i = chain.Length - 1; i >= 0; i--)
        {
            StoredLayer layer = TryGet(chain[i]) ?? throw new DirectoryNotFoundException($"layer {chain[i]} is not in the store");
            stack.Add(layer);
            if (layer.HidesLowers) break;
        }
        return stack;
    }

    /// <summary>Takes a layer out of the store; its files go with the next <see cref="PurgeAsync"/>.</summary>
    public void Remove(ContentDigest chain)
    {
        if (!_known.TryRemove(chain.Text, out _)) return;
        using DirectoryHandle layers = DirectoryHandle.Open(paths.Layers);
        layers.Rename(chain.Hex, layers, $"{Going}{Guid.NewGuid():N}");
        log.LayerRemoved(chain.Text);
    }

    /// <summary>Deletes the files of removed layers, which may be many, on a thread of its own. Nobody waits for it but the caller.</summary>
    public async Task PurgeAsync()
    {
        if (Directory.GetDirectories(paths.Layers, Going + "*").Length == 0) return;
        await _purging.WaitAsync();
        try
        {
            await Task.Factory.StartNew(() =>
            {
                foreach (string directory in Directory.GetDirectories(paths.Layers, Going + "*")) Delete(directory);
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        finally
        {
            _purging.Release();
        }
    }

    public void Dispose()
    {
        _unpacking.Dispose();
        _purging.Dispose();
    }

    private string DirectoryOf(ContentDigest chain) => Path.Combine(paths.Layers, chain.Hex);

    private void Unpack(ReadOnlySpan<ContentDigest> chain, ContentDigest diffId, Func<Stream> open, ContentDigest? expected, CancellationToken cancel)
    {
        long started = Stopwatch.GetTimestamp();
        string temporary = $"{InWork}{Guid.NewGuid():N}";
        using DirectoryHandle layers = DirectoryHandle.Open(paths.Layers);
        layers.MakeDirectory(temporary, 0x1C0);
        List<LowerLayer> lowers = [];
        try
        {
            foreach (StoredLayer lower in Stack(chain[..^1])) lowers.Add(new(DirectoryHandle.Open(DiffOf(ContentDigest.Parse(lower.ChainId))), lower.Removals()));
            using DirectoryHandle work = layers.OpenDirectory(temporary);
            work.MakeDirectory(Diff);
            UnpackedLayer result;
            using (DirectoryHandle diff = work.OpenDirectory(Diff)) result = LayerUnpacker.Unpack(open(), expected, diff, lowers, limits, cancel);
            if (result.DiffHex != diffId.Hex) throw new ImageFormatException($"the layer unpacks to sha256:{result.DiffHex}, but the image promises {diffId}");
            StoredLayer layer = new(StoredLayer.CurrentVersion, chain[^1].Text, diffId.Text, chain.Length > 1 ? chain[^2].Text : null, result.Entries, result.Bytes,
                result.HidesLowers, [.. result.Removals.Names.Select(p => p.Bytes.ToArray())], [.. result.Removals.Opaque.Select(p => p.Bytes.ToArray())]);
            AtomicFile.Write(work, Description, layer.ToJson(), durable: false);
            // Once for all files, instead of an fsync of each: after the rename a power cut must find them whole.
            work.SyncFileSystem();
            layers.Rename(temporary, layers, chain[^1].Hex);
            layers.Sync();
            _known[layer.ChainId] = layer;
            long milliseconds = (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            log.LayerUnpacked(layer.ChainId, result.Entries, result.Bytes, milliseconds);
            if (result.SkippedDevices > 0) log.LayerDevicesSkipped(layer.ChainId, result.SkippedDevices);
        }
        catch
        {
            Delete(Path.Combine(paths.Layers, temporary));
            throw;
        }
        finally
        {
            lowers.ForEach(l => l.Dispose());
        }
    }

    private void Delete(string directory)
    {
        try
        {
            DirectoryHandle.DeleteTree(directory);
        }
        catch (ErrnoException e)
        {
            log.StoreCleanupFailed(directory, e.Message);
        }
    }
}
