using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>
/// subPath: a part of a volume, mounted by its handle (spec 41 §10). Whoever writes to the volume may turn any name in it
/// into a link at any moment; so the kernel resolves the path once, beneath the volume's root, and what it found is what is
/// mounted: no path is looked up a second time (CVE-2017-1002101, CVE-2021-25741).
/// </summary>
internal sealed class SubPaths(RuntimePaths paths)
{
    private const string Directory = "volume-subpaths";
    private const uint DirectoryMode = 0x1E8, FileMode = 0x1A0, Permissions = 0xFFF; // 0750, 0640

    /// <param name="index">The mount's place among the container's volumeMounts.</param>
    /// <param name="path">Relative to the volume's root; what is missing is made, with the root's own mode.</param>
    /// <returns>Where it can be mounted from, until <see cref="Remove"/>.</returns>
    /// <exception cref="IOException">EXDEV: the path leaves the volume. ELOOP: by a magic link, or by too many.</exception>
    public string SetUp(string podUid, string volume, string container, int index, string volumeRoot, string path)
    {
        using DirectoryHandle root = DirectoryHandle.Open(volumeRoot);
        using FileDescriptor found = OpenOrMake(root, path);
        FileStatus status = DirectoryHandle.StatusOf(found, path);
        using DirectoryHandle parent = OpenParent(podUid, volume, container);
        string name = $"{index}", target = $"{parent.Name}/{name}";
        if (MountPoint.Exists(target))
        {
            if (Same(target, status)) return target;
            // The container before this one saw another file, of an older version of the volume.
            MountPoint.UnmountAll(target);
        }
        parent.RemoveTree(name);
        if (status.Kind == FileKind.Directory) parent.MakeDirectory(name, DirectoryMode);
        else parent.OpenFile(name, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, FileMode).Dispose();
        MountPoint.Bind(found, path, target);
        return target;
    }

    /// <summary>Unmounts all of a pod's; before its volumes, which these mounts hold.</summary>
    /// <exception cref="IOException">EBUSY: somebody uses one still.</exception>
    public void Remove(string podUid)
    {
        string all = Path.Combine(paths.PodDirectory(podUid), Directory);
        if (!System.IO.Directory.Exists(all)) return;
        foreach (string mounted in MountPoint.Below(all)) MountPoint.UnmountAll(mounted);
        using DirectoryHandle pod = DirectoryHandle.Open(paths.PodDirectory(podUid));
        pod.RemoveTree(Directory);
    }

    private static FileDescriptor OpenOrMake(DirectoryHandle root, string path)
    {
        if (TryOpen(root, path) is { } there) return there;
        uint mode = root.Status().Permissions & Permissions;
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 1; i <= parts.Length; i++)
        {
            string prefix = string.Join('/', parts[..i]);
            if (TryOpen(root, prefix) is { } existing)
            {
                existing.Dispose();
                continue;
            }
            using DirectoryHandle? parent = i == 1 ? null : root.OpenDirectoryInside(string.Join('/', parts[..(i - 1)]), PathBorder.Refuse);
            (parent ?? root).TryMakeDirectory(parts[i - 1], mode);
            // The directory by its handle: a link that was put there meanwhile is not followed.
            using DirectoryHandle made = (parent ?? root).OpenDirectory(parts[i - 1]);
            DirectoryHandle.SetMode(made.Descriptor, mode, made.Name);
        }
        return TryOpen(root, path) ?? throw new ErrnoException("openat2", path, Errno.ENOENT);
    }

    private static FileDescriptor? TryOpen(DirectoryHandle root, string path)
    {
        try
        {
            return root.OpenInside(path, OpenFlags.PathOnly, PathBorder.Refuse);
        }
        catch (ErrnoException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }

    private DirectoryHandle OpenParent(string podUid, string volume, string container)
    {
        DirectoryHandle at = DirectoryHandle.Open(paths.PodDirectory(podUid));
        foreach (string part in (string[])[Directory, volume, container])
        {
            at.TryMakeDirectory(part, DirectoryMode);
            DirectoryHandle next = at.OpenDirectory(part);
            at.Dispose();
            at = next;
        }
        return at;
    }

    private static bool Same(string target, FileStatus wanted)
    {
        using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(target)!);
        return parent.TryStatus(Path.GetFileName(target)) is { } mounted && mounted.Inode == wanted.Inode && mounted.Device == wanted.Device;
    }
}
