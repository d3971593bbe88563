using System.Collections.Immutable;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;

namespace NativeKubelet.Runtime.Containers;

/// <summary>
/// Volumes as a pod's own users see them: each is bound once more, with its owners shown through the pod's user namespace, and
/// the OCI runtime binds that. So a file that root in the container writes is root's on disk, and every runtime can do it.
/// </summary>
internal static class MappedMounts
{
    private const uint DirectoryMode = 0x1C9;   // 0711: the pod's root passes through, and lists nothing

    /// <summary>Directories in which the pod's root finds its root file system; every user may pass through.</summary>
    /// <exception cref="IOException">A parent lets nobody pass.</exception>
    public static void Prepare(string directory)
    {
        string parent = Path.GetDirectoryName(directory)!;
        foreach (string place in (string[])[parent, directory])
        {
            Directory.CreateDirectory(place);
            using DirectoryHandle handle = DirectoryHandle.Open(place);
            handle.SetMode(".", DirectoryMode);
        }
        for (string? above = Path.GetDirectoryName(parent); above is not null; above = Path.GetDirectoryName(above))
            if ((File.GetUnixFileMode(above) & UnixFileMode.OtherExecute) == 0)
                throw new IOException($"{above} lets no other user pass, so a pod with users of its own cannot reach its files in {directory}; put --run-dir elsewhere, or chmod o+x it");
    }

    /// <summary>Binds every volume below <paramref name="directory"/>.</summary>
    /// <exception cref="IOException">A file system that cannot show other owners; the message names it.</exception>
    public static ImmutableArray<ResolvedMount> Stage(string directory, ImmutableArray<ResolvedMount> mounts, FileDescriptor users)
    {
        ImmutableArray<ResolvedMount>.Builder staged = ImmutableArray.CreateBuilder<ResolvedMount>(mounts.Length);
        using DirectoryHandle root = DirectoryHandle.Open("/");
        for (int i = 0; i < mounts.Length; i++)
        {
            string place = Path.Combine(directory, $"volume-{i}");
            // Links of the host are followed, as the OCI runtime would.
            using FileDescriptor source = root.OpenInside(mounts[i].HostPath, OpenFlags.PathOnly, PathBorder.ActAsRoot);
            if (DirectoryHandle.StatusOf(source, mounts[i].HostPath).Kind == FileKind.Directory) Directory.CreateDirectory(place);
            else File.Create(place).Dispose();
            try
            {
                using DetachedMount copy = DetachedMount.TryCopy(source, mounts[i].HostPath, recursive: true) ?? throw new IOException("this kernel has no open_tree");
                if (!mounts[i].OwnersMapped) copy.ShowOwnersOf(users, recursive: true);
                copy.Attach(place);
            }
            catch (ErrnoException e) when (e.Errno is Errno.EINVAL or Errno.EPERM or Errno.ENOSYS)
            {
                throw new IOException($"{mounts[i].HostPath}, mounted at {mounts[i].ContainerPath}: its file system, or one mounted below it, cannot show the owners of a pod with hostUsers: false ({e.Message})", e);
            }
            staged.Add(mounts[i] with { HostPath = place });
        }
        return staged.MoveToImmutable();
    }

    /// <summary>The container has mounts of its own by now.</summary>
    public static void Unstage(string directory)
    {
        if (!Directory.Exists(directory)) return;
        foreach (string place in Directory.GetFileSystemEntries(directory, "volume-*"))
        {
            MountPoint.Detach(place);
            // Never what is mounted: only the empty place itself.
            if (Directory.Exists(place)) Directory.Delete(place);
            else File.Delete(place);
        }
    }
}
