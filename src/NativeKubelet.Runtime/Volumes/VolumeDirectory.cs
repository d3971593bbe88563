using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Mounts;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>
/// A volume's own directory, root-dir/pods/UID/volumes/PLUGIN/NAME, on disk or as a file system in memory. Under its name it
/// appears complete: an agent that is killed half-way leaves no directory of the wrong owner or mode.
/// </summary>
/// <param name="plugin">As other programs of a node know it: kubernetes.io~empty-dir.</param>
/// <param name="name">A DNS label.</param>
internal sealed class VolumeDirectory(RuntimePaths paths, string podUid, string plugin, string name)
{
    private const uint ParentMode = 0x1E8, Everybody = 0x1FF, Sticky = 0x200, Setgid = 0x400, Keep = uint.MaxValue;   // 0750, 0777, 01000, 02000

    public string Path { get; } = System.IO.Path.Combine(paths.PodDirectory(podUid), "volumes", plugin, name);

    /// <exception cref="IOException">It is not there.</exception>
    public DirectoryHandle Open() => DirectoryHandle.Open(Path);

    public bool Exists => Directory.Exists(Path);

    /// <summary>Any user of the pod may write to it; members of <paramref name="group"/> own what is made in it.</summary>
    public void MakeOnDisk(uint? group)
    {
        using DirectoryHandle parent = OpenParent();
        // A volume that exists is a container's: also its mode is its own matter by now.
        if (parent.TryStatus(name) is { Kind: FileKind.Directory }) return;
        // Names of volumes begin with no dot.
        string unfinished = $".{name}.new";
        parent.RemoveTree(unfinished);
        parent.MakeDirectory(unfinished, Everybody);
        if (group is { } id) parent.SetOwner(unfinished, Keep, id);
        parent.SetMode(unfinished, group is null ? Everybody : Everybody | Setgid);
        parent.Rename(unfinished, parent, name);
    }

    /// <param name="size">Null leaves the kernel's half of the memory.</param>
    public void MakeInMemory(long? size, uint? group)
    {
        if (!MakeMountPoint()) return;
        // With the sticky bit, as the kernel makes it and the original leaves it. What is secret must reach no swap.
        MountPoint.Tmpfs(Path, new(size, group is null ? Everybody | Sticky : Everybody | Sticky | Setgid) { Group = group, NoSwap = true }, MountAttributes.None);
    }

    /// <param name="pageSize">Bytes.</param>
    public void MakeOfHugePages(long pageSize, uint? group)
    {
        if (MakeMountPoint()) MountPoint.HugeTlbFs(Path, pageSize, group is null ? Everybody : Everybody | Setgid, group);
    }

    /// <returns>False when something is mounted there already.</returns>
    public bool MakeMountPoint()
    {
        using (DirectoryHandle parent = OpenParent()) parent.TryMakeDirectory(name, ParentMode);
        return !MountPoint.Exists(Path);
    }

    /// <summary>Takes it away as far as it was made.</summary>
    /// <exception cref="IOException">EBUSY: somebody uses it still.</exception>
    public void Remove()
    {
        MountPoint.UnmountAll(Path);
        using DirectoryHandle parent = OpenParent();
        parent.RemoveTree(name);
    }

    private DirectoryHandle OpenParent()
    {
        using DirectoryHandle pod = DirectoryHandle.Open(paths.PodDirectory(podUid));
        pod.TryMakeDirectory("volumes", ParentMode);
        using DirectoryHandle volumes = pod.OpenDirectory("volumes");
        volumes.TryMakeDirectory(plugin, ParentMode);
        return volumes.OpenDirectory(plugin);
    }
}
