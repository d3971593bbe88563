using System.Collections.Immutable;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Store;

namespace NativeKubelet.Runtime.Images;

public sealed partial class ImageStore
{
    /// <summary>What tables of images print of an ID.</summary>
    private const int ShortestId = 12;

    // Chain IDs that a pull or an import is about to need, with how many need them: not to be removed meanwhile.
    private readonly Dictionary<string, int> _claimed = new(StringComparer.Ordinal);

    private void Load(DateTime abandonedBefore)
    {
        foreach (string directory in (string[])[_paths.Blobs, _paths.Records]) AtomicFile.RemoveLeftovers(directory);
        foreach (string file in Directory.GetFiles(_paths.Scratch)) File.Delete(file);
        _layers.Load();
        List<StoredImage> images = [];
        foreach (string file in Directory.GetFiles(_paths.Records, "*.json"))
        {
            StoredImage? image = StoredImage.TryParse(File.ReadAllBytes(file));
            string? fault = image is null ? "it is damaged"
                : Path.GetFileName(file) != RecordName(image.Id) ? "it belongs to another image"
                : image.Chain.FirstOrDefault(c => _layers.TryGet(c) is null) is { Text: { } missing } ? $"layer {missing} is missing" : null;
            if (fault is null) images.Add(image!);
            else _log.ImageRecordSetAside(file, AtomicFile.SetAside(file), fault);
        }
        // A move of a name that was cut short left it with two images: the later record has it.
        HashSet<string> taken = new(StringComparer.Ordinal);
        foreach (StoredImage image in images.OrderByDescending(i => i.Sequence).ToList())
        {
            List<string> own = [.. image.RepoTags.Where(taken.Add)];
            if (own.Count == image.RepoTags.Count) continue;
            images.Remove(image);
            images.Add(image with { RepoTags = own });
            Write(images[^1]);
        }
        Publish(images);

        HashSet<string> named = [.. images.SelectMany(i => i.Blobs).Select(d => ContentDigest.Parse(d).FileName)];
        _blobs.RemoveAbandoned(abandonedBefore);
        _blobs.RemoveUnnamed(named, abandonedBefore);
        RemoveUnused(_layers.All.Where(l => Directory.GetLastWriteTimeUtc(_layers.DiffOf(ContentDigest.Parse(l.ChainId))) < abandonedBefore)
            .Select(l => ContentDigest.Parse(l.ChainId)));
    }

    private StoredImage? FindStored(string reference)
    {
        if (ById(reference) is { } byId) return byId;
        // A name that is spelled like the beginning of an ID is looked for as a name first.
        if (ImageReference.TryParse(reference) is { } name)
        {
            string? digest = name.Digest is { } d ? $"{name.Repository}@{d}" : null;
            if (_stored.FirstOrDefault(i => digest is null ? i.RepoTags.Contains(name.Tagged!) : i.RepoDigests.Contains(digest)) is { } byName) return byName;
        }
        string hex = reference.StartsWith("sha256:", StringComparison.Ordinal) ? reference[7..] : reference;
        if (hex.Length is >= ShortestId and < 64 && hex.All(char.IsAsciiHexDigitLower))
            return _stored.Where(i => ContentDigest.Parse(i.Id).Hex.StartsWith(hex, StringComparison.Ordinal)).Take(2).ToArray() is [var only] ? only : null;
        // Throws for what is no name at all; 64 digits are a fine ID that we have not.
        if (hex.Length != 64 || !hex.All(char.IsAsciiHexDigitLower)) ImageReference.Parse(reference);
        return null;
    }

    private StoredImage? ById(string reference)
    {
        string id = reference.StartsWith("sha256:", StringComparison.Ordinal) ? reference : "sha256:" + reference;
        return _stored.FirstOrDefault(i => i.Id == id);
    }

    /// <summary>Records an image whose layers are here, under the names it came by.</summary>
    private async Task<ImageRecord> AddAsync(ImagePlan plan, IReadOnlyList<string> tags, IReadOnlyList<string> digests, bool pinned, CancellationToken cancel)
    {
        await _gate.WaitAsync(cancel);
        try
        {
            foreach ((ContentDigest digest, byte[] content) in plan.Documents) _blobs.Write(digest, content);
            StoredImage? known = _stored.FirstOrDefault(i => i.Id == plan.Id.Text);
            StoredImage image = new(StoredImage.CurrentVersion, known?.Sequence ?? 0, plan.Id.Text,
                [.. (known?.RepoTags ?? []).Union(tags)], [.. (known?.RepoDigests ?? []).Union(digests)],
                [.. plan.Configuration.DiffIds.Select(d => d.Text)], [.. (known?.Blobs ?? []).Union(plan.Documents.Select(d => d.Digest.Text))],
                known?.SizeBytes ?? plan.SizeBytes, pinned || known?.Pinned == true, plan.Configuration.Config);
            // The new owner of a name is written first: a crash in between leaves two, and Load takes the later one.
            List<StoredImage> losers = [.. _stored.Where(i => i.Id != image.Id && i.RepoTags.Any(tags.Contains))];
            if (known is null || losers.Count > 0 || !known.ToJson().AsSpan().SequenceEqual(image.ToJson()))
                Save(image with { Sequence = _stored.Select(i => i.Sequence).DefaultIfEmpty().Max() + 1 });
            foreach (StoredImage loser in losers) Save(loser with { RepoTags = [.. loser.RepoTags.Except(tags)] });
            return image.ToRecord();
        }
        finally
        {
            _gate.Release();
        }
    }

    private void Save(StoredImage image)
    {
        Write(image);
        Publish([.. _stored.Where(i => i.Id != image.Id), image]);
    }

    private void Write(StoredImage image) => AtomicFile.Write(Path.Combine(_paths.Records, RecordName(image.Id)), image.ToJson());

    private void Delete(StoredImage image)
    {
        File.Delete(Path.Combine(_paths.Records, RecordName(image.Id)));
        Publish([.. _stored.Where(i => i.Id != image.Id)]);
        HashSet<string> named = [.. _stored.SelectMany(i => i.Blobs)];
        foreach (string blob in image.Blobs.Where(b => !named.Contains(b))) _blobs.Remove(ContentDigest.Parse(blob));
        RemoveUnused(image.Chain);
    }

    private void Publish(List<StoredImage> images)
    {
        _stored = [.. images.OrderBy(i => i.Id, StringComparer.Ordinal)];
        _images = [.. _stored.Select(i => i.ToRecord())];
    }

    /// <summary>Removes those of the layers that no image, no container and no pull needs.</summary>
    private void RemoveUnused(IEnumerable<ContentDigest> candidates)
    {
        HashSet<string> used = [.. _stored.SelectMany(i => i.Chain).Select(c => c.Text)];
        lock (_claimed) used.UnionWith(_claimed.Keys);
        List<ContentDigest> unused = [.. candidates.Where(c => !used.Contains(c.Text))];
        // Nearly always all belong to an image; then nobody has to read what every container holds.
        if (unused.Count == 0 || _leases.TryInUse() is not { } leased) return;
        foreach (ContentDigest chain in Enumerable.Reverse(unused))
            if (!leased.Contains(chain.Text)) _layers.Remove(chain);
    }

    /// <summary>Keeps layers from being removed until the image that needs them is recorded.</summary>
    private Claim ClaimLayers(ContentDigest[] chain)
    {
        lock (_claimed)
            foreach (ContentDigest layer in chain) _claimed[layer.Text] = _claimed.GetValueOrDefault(layer.Text) + 1;
        return new Claim(this, chain);
    }

    private static string RecordName(string id) => ContentDigest.Parse(id).Hex + ".json";

    private sealed class Claim(ImageStore store, ContentDigest[] chain) : IDisposable
    {
        public void Dispose()
        {
            lock (store._claimed)
                foreach (ContentDigest layer in chain)
                    if (--store._claimed[layer.Text] == 0) store._claimed.Remove(layer.Text);
        }
    }
}
