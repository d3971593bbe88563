using System.Collections.Immutable;

namespace NativeKubelet.Runtime.Stats;

/// <summary>How full one volume of a pod is, and the file system that it lies on.</summary>
/// <param name="UsedBytes">Of the volume alone, where it is a directory among others.</param>
/// <param name="InodesUsed">As <paramref name="UsedBytes"/>.</param>
public sealed record VolumeUsage(
    string Name, DateTimeOffset At, long CapacityBytes, long AvailableBytes, long UsedBytes, long Inodes, long InodesFree, long InodesUsed);

/// <param name="At">The default value before the first round.</param>
/// <param name="Pods">By UID; a pod without volumes has no entry.</param>
public sealed record VolumeSnapshot(DateTimeOffset At, ImmutableDictionary<string, ImmutableArray<VolumeUsage>> Pods)
{
    public static readonly VolumeSnapshot Empty = new(default, ImmutableDictionary<string, ImmutableArray<VolumeUsage>>.Empty);

    public ImmutableArray<VolumeUsage> Of(string podUid) => Pods.GetValueOrDefault(podUid, []);
}
