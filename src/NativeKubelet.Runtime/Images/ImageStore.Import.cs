using System.Collections.Immutable;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Import;
using NativeKubelet.Runtime.Images.Store;

namespace NativeKubelet.Runtime.Images;

public sealed partial class ImageStore
{
    public Task<ImmutableArray<ImageRecord>> ImportAsync(string archivePath, CancellationToken cancel) => ImportAsync(archivePath, pinned: false, cancel);

    /// <summary>Imports every image of an archive, or of an OCI layout directory, that this machine can run.</summary>
    /// <param name="pinned">Kept from garbage collection: a node without a registry could not get them back.</param>
    /// <exception cref="ImageException">No such archive, damaged, or nothing in it for this machine; images before the fault are kept.</exception>
    public async Task<ImmutableArray<ImageRecord>> ImportAsync(string archivePath, bool pinned, CancellationToken cancel)
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
                    ImageRecord record = await ImportAsync(archive, image, pinned, cancel);
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

    private async Task<ImageRecord> ImportAsync(ArchiveContent archive, ArchivedImage image, bool pinned, CancellationToken cancel)
    {
        ImagePlan plan = await image.PlanAsync(archive, _host);
        ContentDigest[] chain = ContentDigest.Chain(plan.Configuration.DiffIds);
        using (ClaimLayers(chain))
        {
            for (int i = 0; i < chain.Length; i++)
            {
                if (_layers.TryGet(chain[i]) is not null) continue;
                (string file, ContentDigest? expected) = image.LayerFile(plan, i);
                // Straight out of the archive: no second copy of the packed layer is written.
                await _layers.UnpackAsync(chain.AsMemory(0, i + 1), plan.Configuration.DiffIds[i], () => archive.Open(file), expected, cancel);
            }
            return await AddAsync(plan, image.Tags, image.RepoDigests, pinned, cancel);
        }
    }
}
