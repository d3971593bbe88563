using System.Collections.Immutable;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Import;
using NativeKubelet.Runtime.Images.Store;

namespace NativeKubelet.Runtime.Images;

public sealed partial class ImageStore
{
    private const long ReportedStep = 1 << 20;

    public Task<ImmutableArray<ImageRecord>> ImportAsync(string archivePath, CancellationToken cancel) => ImportAsync(archivePath, pinned: false, null, cancel);

    /// <summary>Imports every image of an archive, or of an OCI layout directory, that this machine can run.</summary>
    public async Task<ImmutableArray<ImageRecord>> ImportAsync(string archivePath, bool pinned, IProgress<PullProgress>? progress, CancellationToken cancel)
    {
        try
        {
            using ArchiveContent archive = await ArchiveContent.OpenAsync(archivePath, _paths.Scratch, _limits, cancel);
            List<ImageRecord> imported = [];
            NoPlatformMatchException? elsewhere = null;
            foreach (ArchivedImage image in ArchivedImage.List(archive, _host))
            {
                try
                {
                    ImageRecord record = await ImportAsync(archive, image, pinned, progress, cancel);
                    imported.Add(record);
                    string name = image.Tags.IsEmpty ? "" : image.Tags[0];
                    _log.ImageImported(archivePath, name, record.Id, record.SizeBytes);
                }
                catch (NoPlatformMatchException e)
                {
                    elsewhere = e;
                }
            }
            return imported.Count > 0 ? [.. imported] : throw elsewhere ?? (Exception)new Layers.ImageFormatException("there is no image in it");
        }
        catch (Exception e) when (IsExpected(e))
        {
            throw Failure(archivePath, e);
        }
    }

    private async Task<ImageRecord> ImportAsync(ArchiveContent archive, ArchivedImage image, bool pinned, IProgress<PullProgress>? progress, CancellationToken cancel)
    {
        ImagePlan plan = await image.PlanAsync(archive, _host);
        ContentDigest[] chain = ContentDigest.Chain(plan.Configuration.DiffIds);
        using (ClaimLayers(chain))
        {
            for (int i = 0; i < chain.Length; i++)
            {
                ContentDigest diffId = plan.Configuration.DiffIds[i];
                (string file, ContentDigest? expected) = image.LayerFile(plan, i);
                // Straight out of the archive: no second copy of the packed layer is written.
                if (_layers.TryGet(chain[i]) is null)
                    await _layers.UnpackAsync(chain.AsMemory(0, i + 1), diffId, () => Watched(archive.Open(file), diffId, progress), expected, cancel);
                progress?.Report(new(diffId.Hex[..12], plan.Layers[i].Size, plan.Layers[i].Size, "Done"));
            }
            return await AddAsync(plan, image.Tags, image.RepoDigests, pinned, cancel);
        }
    }

    private static FileSlice Watched(FileSlice layer, ContentDigest diffId, IProgress<PullProgress>? progress)
    {
        if (progress is null) return layer;
        long told = -ReportedStep;
        layer.Moved = position =>
        {
            if (position < told + ReportedStep) return;
            told = position;
            progress.Report(new(diffId.Hex[..12], position, layer.Length, "Unpacking"));
        };
        return layer;
    }
}
