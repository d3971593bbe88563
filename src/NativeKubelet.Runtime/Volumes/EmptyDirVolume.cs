using k8s.Models;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Volumes;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>emptyDir (spec 41 §5.1): any user of the pod may write to it, and it goes with the pod. A limit on disk is for eviction to keep.</summary>
internal static class EmptyDirVolume
{
    private const string Plugin = "kubernetes.io~empty-dir";

    public static VolumeDirectory Directory(RuntimePaths paths, string podUid, string volume) => new(paths, podUid, Plugin, volume);

    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="FormatException">The pod asks for what contradicts itself.</exception>
    public static void SetUp(RuntimePaths paths, V1Pod pod, V1Volume volume, ResourceAmounts allocatable)
    {
        VolumeDirectory directory = Directory(paths, pod.Metadata.Uid, volume.Name);
        uint? group = VolumeUse.Group(pod);
        switch (volume.EmptyDir.Medium)
        {
            case null or "":
                directory.MakeOnDisk(group);
                break;
            case MemoryVolume.Medium:
                directory.MakeInMemory(MemoryVolume.Size(pod, volume.EmptyDir.SizeLimit, allocatable), group);
                break;
            case var medium when MemoryVolume.IsHugePages(medium):
                directory.MakeOfHugePages(MemoryVolume.PageSize(pod, medium), group);
                break;
            case var other:
                throw new FormatException($"unknown storage medium \"{other}\"");
        }
    }
}
