using System.Collections.Immutable;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Images;

namespace NativeKubelet.Runtime.Stats;

/// <summary>What a container takes of the disk.</summary>
/// <param name="Layer">Its writable layer.</param>
/// <param name="Logs">Of all of its instances.</param>
public sealed record ContainerDisk(DateTimeOffset At, DiskUse Layer, DiskUse Logs);

public readonly record struct DiskUse(long Bytes, long Inodes);

/// <summary>Measures the writable layers and logs of all running containers, as <see cref="SlowRound{T}"/> says: when somebody asks, and never in his time.</summary>
public sealed class ContainerMeter(IContainerRuntime runtime, RuntimePaths paths, TimeSpan period, TimeProvider time)
{
    private readonly SlowRound<ImmutableDictionary<string, ContainerDisk>> _rounds = new(
        ImmutableDictionary<string, ContainerDisk>.Empty, () => Measure(runtime, paths, time.GetUtcNow()), period, time);

    /// <summary>By container ID, as it was measured last. A new round is begun when it is due.</summary>
    public ImmutableDictionary<string, ContainerDisk> Look()
    {
        _ = LatestAsync(CancellationToken.None);
        return _rounds.Current;
    }

    public Task<ImmutableDictionary<string, ContainerDisk>> LatestAsync(CancellationToken cancel) => _rounds.LatestAsync(cancel);

    private static ImmutableDictionary<string, ContainerDisk> Measure(IContainerRuntime runtime, RuntimePaths paths, DateTimeOffset now) =>
        runtime.Sandboxes.SelectMany(s => s.Containers).Where(c => c.Phase == ContainerPhase.Running)
            .ToImmutableDictionary(c => c.Id, c => new ContainerDisk(now, Of(ImageStore.WritableLayer(paths.ContainerData(c.Id))), Of(Path.GetDirectoryName(c.LogPath)!)));

    /// <summary>Nothing where it is gone by now.</summary>
    private static DiskUse Of(string directory)
    {
        try
        {
            (long bytes, long inodes) = DirectoryUse.Of(directory);
            return new(bytes, inodes);
        }
        catch (Exception e) when (e is ErrnoException or IOException)
        {
            return default;
        }
    }
}
