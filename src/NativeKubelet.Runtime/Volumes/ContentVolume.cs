using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Volumes;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.SELinux;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>configMap, secret, downwardAPI and projected: files that the agent writes and the pod only reads (spec 41 §4).</summary>
/// <param name="labels">The kernel labels files (SELinux).</param>
internal sealed class ContentVolume(RuntimePaths paths, TimeProvider time, bool labels)
{
    public VolumeDirectory Directory(V1Pod pod, V1Volume volume) => new(paths, pod.Metadata.Uid, PluginOf(volume), volume.Name);

    /// <summary>Makes it, or brings it up to date.</summary>
    /// <exception cref="VolumeContentException">What it must show does not exist; a volume that was there keeps its files.</exception>
    /// <exception cref="IOException">It cannot be written; the old files are complete.</exception>
    public void SetUp(V1Pod pod, V1Volume volume, VolumeFacts facts)
    {
        VolumeDirectory directory = Directory(pod, volume);
        bool existed = Holds(directory);
        ImmutableSortedDictionary<string, VolumeFile> files;
        try
        {
            files = VolumeContent.Collect(pod, volume, facts);
        }
        catch (VolumeContentException) when (existed)
        {
            // What was mounted stays: containers start again, also after their ConfigMap was taken away.
            return;
        }
        uint? group = VolumeUse.Group(pod);
        try
        {
            if (VolumeContent.InMemory(volume)) directory.MakeInMemory(MemoryVolume.Size(pod, null, facts.Allocatable), group);
            else directory.MakeOnDisk(group);
            Write(directory, pod, volume, files, group);
        }
        catch when (!existed)
        {
            directory.Remove();
            throw;
        }
    }

    /// <summary>Brings one that is there up to date.</summary>
    /// <inheritdoc cref="SetUp" path="/exception"/>
    public void Refresh(V1Pod pod, V1Volume volume, VolumeFacts facts)
    {
        VolumeDirectory directory = Directory(pod, volume);
        if (Holds(directory)) Write(directory, pod, volume, VolumeContent.Collect(pod, volume, facts), VolumeUse.Group(pod));
    }

    private void Write(VolumeDirectory directory, V1Pod pod, V1Volume volume, ImmutableSortedDictionary<string, VolumeFile> files, uint? group)
    {
        using DirectoryHandle root = directory.Open();
        foreach (string nested in VolumeUse.NestedMountPoints(pod, volume.Name)) MakeNested(root, nested);
        AtomicWriter.Write(root, files, time.GetUtcNow(), () =>
        {
            if (group is { } id) VolumeOwnership.Apply(root, id, readOnly: true, CancellationToken.None);
            // New files have the level of the agent, which every pod may read, until they get that of the container that has the volume.
            if (labels && FileLabels.Of(root, ".") is { } label) FileLabels.Set(root, label, CancellationToken.None);
        });
    }

    private static void MakeNested(DirectoryHandle root, string path)
    {
        const uint mode = 0x1ED; // 0755
        DirectoryHandle at = root;
        foreach (string part in path.Split('/'))
        {
            // A file of the volume may lie there: then that is what is mounted on.
            if (at.TryStatus(part) is { Kind: not FileKind.Directory }) break;
            at.TryMakeDirectory(part, mode);
            DirectoryHandle next = at.OpenDirectory(part);
            if (at != root) at.Dispose();
            at = next;
        }
        if (at != root) at.Dispose();
    }

    private static bool Holds(VolumeDirectory directory)
    {
        if (!directory.Exists) return false;
        using DirectoryHandle root = directory.Open();
        return AtomicWriter.Holds(root);
    }

    private static string PluginOf(V1Volume volume) =>
        volume.ConfigMap is not null ? "kubernetes.io~configmap"
        : volume.Secret is not null ? "kubernetes.io~secret"
        : volume.DownwardAPI is not null ? "kubernetes.io~downward-api"
        : "kubernetes.io~projected";
}
