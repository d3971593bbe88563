using System.Collections.Immutable;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Volumes;

namespace NativeKubelet.Runtime.Stats;

/// <summary>
/// Measures the volumes of all pods, as <see cref="SlowRound{T}"/> says: a look into every directory costs, and a file system may not
/// answer, which must hold up no pod.
/// </summary>
/// <param name="period">volumeStatsAggPeriod; below zero nothing is measured.</param>
public sealed class VolumeMeter(RuntimePaths paths, TimeSpan period, TimeProvider time)
{
    /// <summary>An image is shared and cannot be written: it is nobody's use of the disk.</summary>
    private const string Images = "kubernetes.io~image";

    private readonly SlowRound<VolumeSnapshot> _rounds = new(VolumeSnapshot.Empty, () => Measure(paths, time.GetUtcNow()), period, time);

    /// <summary>The last round, however old; for those who must not wait.</summary>
    public VolumeSnapshot Current => _rounds.Current;

    /// <returns>A round that is no older than the period. All who ask meanwhile wait for the same one.</returns>
    public Task<VolumeSnapshot> LatestAsync(CancellationToken cancel) => _rounds.LatestAsync(cancel);

    private static VolumeSnapshot Measure(RuntimePaths paths, DateTimeOffset now) => new(
        now, PodDirectory.All(paths).Select(uid => (Uid: uid, Volumes: OfPod(paths, uid, now))).Where(p => p.Volumes.Length > 0).ToImmutableDictionary(p => p.Uid, p => p.Volumes));

    private static ImmutableArray<VolumeUsage> OfPod(RuntimePaths paths, string uid, DateTimeOffset now)
    {
        string volumes = Path.Combine(paths.PodDirectory(uid), "volumes");
        try
        {
            return
            [
                .. from plugin in Directory.EnumerateDirectories(volumes)
                   where Path.GetFileName(plugin) != Images
                   from volume in Directory.EnumerateFileSystemEntries(plugin)
                   let name = Path.GetFileName(volume)
                   where name[0] != '.'     // not made to its end yet
                   let usage = TryMeasure(volume, name, now)
                   where usage is not null
                   orderby name
                   select usage,
            ];
        }
        catch (DirectoryNotFoundException)
        {
            return [];     // the pod is going
        }
    }

    /// <returns>Null where the volume is gone by now.</returns>
    private static VolumeUsage? TryMeasure(string volume, string name, DateTimeOffset now)
    {
        try
        {
            FileSystemSpace space = FileSystemSpace.Of(volume);
            (long bytes, long inodes) = OwnsFileSystem(volume)
                ? (space.TotalBytes - space.FreeBytes, space.TotalInodes - space.FreeInodes) : DirectoryUse.Of(volume);
            return new(name, now, space.TotalBytes, space.AvailableBytes, bytes, space.TotalInodes, space.FreeInodes, inodes);
        }
        catch (ErrnoException)
        {
            return null;
        }
    }

    /// <summary>A file system in memory is the volume's alone, and a claim's directory is told by the disk that it lies on, as in the original.</summary>
    private static bool OwnsFileSystem(string volume)
    {
        using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(volume)!);
        FileStatus status = parent.Status(Path.GetFileName(volume));
        return status.Kind == FileKind.SymbolicLink || status.MountRoot == true;
    }
}
