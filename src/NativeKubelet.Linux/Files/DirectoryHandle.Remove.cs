using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

public sealed unsafe partial class DirectoryHandle
{
    /// <summary>How deep a tree may be: each level holds one fd open while it is removed or copied.</summary>
    public const int MaxDepth = 512;

    /// <returns>False when there was nothing of that name.</returns>
    /// <exception cref="ErrnoException">EISDIR: a directory.</exception>
    public bool Unlink(KernelPath name) => Remove(name, 0);

    /// <summary>Removes an empty directory.</summary>
    /// <returns>False when there was nothing of that name.</returns>
    public bool RemoveDirectory(KernelPath name) => Remove(name, FileCalls.RemoveDirectory);

    /// <summary>
    /// Removes a file, a link or a whole tree. Links are removed, not followed; another file system mounted inside ends
    /// the removal with EBUSY, so that a volume that is still mounted is never emptied.
    /// </summary>
    /// <returns>False when there was nothing of that name.</returns>
    public bool RemoveTree(KernelPath name)
    {
        if (TryStatus(name) is not { } status) return false;
        if (status.Kind != FileKind.Directory) return Unlink(name);
        using (DirectoryHandle directory = OpenDirectory(name))
        {
            RefuseMount(directory, status);
            directory.Clear(1);
        }
        return RemoveDirectory(name);
    }

    /// <summary>Removes what is in the directory, as <see cref="RemoveTree(KernelPath)"/> does, and leaves it empty.</summary>
    public void RemoveContent() => Clear(1);

    /// <summary>Removes a tree of our own by its path.</summary>
    /// <returns>False when there was nothing.</returns>
    public static bool DeleteTree(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string parent = Path.GetDirectoryName(full) ?? throw new ArgumentException($"{path} is no removable tree");
        if (!Directory.Exists(parent)) return false;
        using DirectoryHandle directory = Open(parent);
        return directory.RemoveTree(Path.GetFileName(full));
    }

    private void Clear(int depth)
    {
        if (depth > MaxDepth) throw new ErrnoException("unlinkat", Name, Errno.ELOOP);
        foreach (KernelPath name in List())
        {
            // Most names are files: try that first and save a look at each.
            if (FileCalls.UnlinkAt(Descriptor, name.Terminated, 0) == 0) continue;
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.ENOENT) continue;
            if (errno is not (Errno.EISDIR or Errno.EPERM)) throw new ErrnoException("unlinkat", Target(name), errno);
            if (TryStatus(name) is not { } status) continue;
            if (status.Kind != FileKind.Directory) throw new ErrnoException("unlinkat", Target(name), errno);
            using (DirectoryHandle inner = OpenDirectory(name))
            {
                RefuseMount(inner, status);
                inner.Clear(depth + 1);
            }
            RemoveDirectory(name);
        }
    }

    private void RefuseMount(DirectoryHandle inner, FileStatus status)
    {
        if (status.MountRoot ?? inner.IsMountBelow(this)) throw new ErrnoException("unlinkat", inner.Name, Errno.EBUSY);
    }

    /// <summary>For kernels before 5.8: a bind mount may show the same device, and is told apart by the mount's number.</summary>
    internal bool IsMountBelow(DirectoryHandle parent) => MountNumber() != parent.MountNumber();

    private string MountNumber()
    {
        foreach (string line in File.ReadLines($"/proc/self/fdinfo/{Descriptor.Number}"))
            if (line.StartsWith("mnt_id:", StringComparison.Ordinal)) return line[7..].Trim();
        return "";
    }

    private bool Remove(KernelPath name, int flags)
    {
        if (FileCalls.UnlinkAt(Descriptor, name.Terminated, flags) == 0) return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.ENOENT ? false : throw new ErrnoException("unlinkat", Target(name), errno);
    }
}
