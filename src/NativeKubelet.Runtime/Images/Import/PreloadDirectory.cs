using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime.Images.Store;

namespace NativeKubelet.Runtime.Images.Import;

/// <summary>A file of the preload directory that was dealt with.</summary>
/// <param name="Images">IDs; empty when it could not be imported.</param>
internal sealed record PreloadedFile(long Size, long ModifiedTicks, List<string> Images);

/// <summary>
/// Imports the image archives of a directory, at start and when one is put there, so that a node without a network has its
/// images. A file is looked at again only when its size or time changed, or when its images have gone.
/// </summary>
public sealed class PreloadDirectory(string directory, RuntimePaths paths, ImageStore store, ILogger log)
{
    private static readonly string[] Endings = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.bz2", ".tar.lz4", ".tar.xz"];
    private readonly string _cacheFile = Path.Combine(StorePaths.Of(paths).Root, "preloaded.json");

    /// <summary>Imports what is there now. A file that cannot be imported is logged; the others go on.</summary>
    public async Task<ImmutableArray<ImageRecord>> ScanAsync(CancellationToken cancel)
    {
        Dictionary<string, PreloadedFile> known = ReadCache(), seen = new(StringComparer.Ordinal);
        ImmutableArray<ImageRecord>.Builder imported = ImmutableArray.CreateBuilder<ImageRecord>();
        if (!Directory.Exists(directory)) return [];
        foreach (FileInfo file in new DirectoryInfo(directory).EnumerateFiles().Where(IsArchive).OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            PreloadedFile now = new(file.Length, file.LastWriteTimeUtc.Ticks, []);
            if (known.GetValueOrDefault(file.Name) is { } before && before.Size == now.Size && before.ModifiedTicks == now.ModifiedTicks
                && before.Images.All(id => store.Images.Any(i => i.Id == id && i.Pinned)))
            {
                seen[file.Name] = before;
                continue;
            }
            try
            {
                ImmutableArray<ImageRecord> images = await store.ImportAsync(file.FullName, pinned: true, null, cancel);
                imported.AddRange(images);
                now.Images.AddRange(images.Select(i => i.Id));
            }
            catch (ImageException e)
            {
                log.PreloadFailed(file.FullName, e.Message);
                // A full disk may have room at the next scan; a damaged archive is not read again until it changes.
                if (e.InnerException is IOException) continue;
            }
            seen[file.Name] = now;
        }
        AtomicFile.Write(_cacheFile, JsonSerializer.SerializeToUtf8Bytes(seen, StoreJson.Default.DictionaryStringPreloadedFile));
        return imported.ToImmutable();
    }

    /// <summary>Scans, and again whenever an archive was put into the directory, until cancelled.</summary>
    /// <param name="scanned">Called after each scan; the first one is done before pods start.</param>
    public async Task RunAsync(Action<ImmutableArray<ImageRecord>> scanned, CancellationToken cancel)
    {
        using Inotify inotify = new();
        try
        {
            Directory.CreateDirectory(directory);
            // Watched before the first scan: what comes in between is seen by either.
            inotify.Watch(directory, FileEvents.ClosedAfterWrite | FileEvents.MovedTo | FileEvents.OnlyDirectory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.PreloadWatchFailed(directory, e.Message);
            scanned(await ScanAsync(cancel));
            return;
        }
        while (true)
        {
            scanned(await ScanAsync(cancel));
            ImmutableArray<FileEvent> events;
            do events = await inotify.ReadAsync(cancel);
            while (!events.Any(e => e.Events.HasFlag(FileEvents.Overflow) || e.Events.HasFlag(FileEvents.Ended) || IsArchive(e.Name)));
            if (!events.Any(e => e.Events.HasFlag(FileEvents.Ended))) continue;
            log.PreloadWatchFailed(directory, "it was removed");
            return;
        }
    }

    private static bool IsArchive(FileInfo file) => IsArchive(file.Name);

    private static bool IsArchive(string name) => !name.StartsWith('.') && Endings.Any(e => name.EndsWith(e, StringComparison.OrdinalIgnoreCase));

    private Dictionary<string, PreloadedFile> ReadCache()
    {
        try
        {
            if (File.Exists(_cacheFile)) return JsonSerializer.Deserialize(File.ReadAllBytes(_cacheFile), StoreJson.Default.DictionaryStringPreloadedFile) ?? [];
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            // Worth only the time of importing again.
            log.ImageRecordSetAside(_cacheFile, AtomicFile.SetAside(_cacheFile), "it is damaged");
        }
        return [];
    }
}
