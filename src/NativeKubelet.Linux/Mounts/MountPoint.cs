using System.Runtime.InteropServices;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Mounts;

/// <summary>
/// Mounts in this process' own mount namespace. Each call is complete or has no effect; unmounting what is gone succeeds.
/// </summary>
public static class MountPoint
{
    private const nuint ReadOnly = 0x1, NoSetuid = 0x2, NoDevices = 0x4, NoExec = 0x8, Remount = 0x20, BindFlag = 0x1000, RecursiveFlag = 0x4000;
    private const int DetachFlag = 2, NoFollow = 8;

    /// <summary>A tmpfs with at most <paramref name="sizeBytes"/>; null leaves the kernel's half of the memory.</summary>
    public static void Tmpfs(string target, long? sizeBytes, uint mode, MountAttributes attributes)
    {
        string permissions = Convert.ToString(mode, 8);
        using FileSystemContext? context = FileSystemContext.TryOpen("tmpfs");
        if (context is null)
        {
            string options = sizeBytes is { } bytes ? $"mode={permissions},size={bytes}" : $"mode={permissions}";
            Check(MountCalls.Mount("tmpfs", target, "tmpfs", Classic(attributes), options), "mount tmpfs", target);
            return;
        }
        context.TrySet("source", "tmpfs");
        context.Set("mode", permissions);
        if (sizeBytes is { } size) context.Set("size", $"{size}");
        using DetachedMount mount = context.Mount(attributes);
        mount.Attach(target);
    }

    /// <summary>Shows <paramref name="source"/> at <paramref name="target"/> too; both exist, and both are directories or neither is.</summary>
    /// <param name="recursive">With the mounts below it; read-only then holds for them as well.</param>
    /// <exception cref="ErrnoException">EINVAL: the kernel (before 5.12) cannot make a recursive bind mount read-only all the way.</exception>
    public static void Bind(string source, string target, bool recursive, bool readOnly)
    {
        using DetachedMount? copy = DetachedMount.TryCopy(source, recursive);
        if (copy is not null && (!readOnly || copy.TrySetAttributes(MountAttributes.ReadOnly, MountAttributes.None, recursive)))
        {
            copy.Attach(target);
            return;
        }
        // A remount reaches only the topmost mount; calling the rest read-only would be a lie with write access.
        if (readOnly && recursive) throw new ErrnoException("mount_setattr", source, Errno.EINVAL);
        Check(MountCalls.Mount(source, target, null, BindFlag | (recursive ? RecursiveFlag : 0), null), "mount --bind", target);
        if (!readOnly || MountCalls.Mount(null, target, null, BindFlag | Remount | ReadOnly, null) == 0) return;
        ErrnoException failure = ErrnoException.Last("mount -o remount,bind,ro", target);
        Detach(target);
        throw failure;
    }

    /// <summary>Takes a mount, and what is mounted below it, out of the tree; it ends when its last user does. Links are not followed.</summary>
    /// <returns>False when nothing was mounted there.</returns>
    public static bool Detach(string target)
    {
        if (MountCalls.Unmount(target, DetachFlag | NoFollow) == 0) return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno is Errno.EINVAL or Errno.ENOENT ? false : throw new ErrnoException("umount2", target, errno);
    }

    /// <summary>Whether something is mounted exactly here. A path that does not exist is no mount point.</summary>
    public static bool Exists(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string? parent = Path.GetDirectoryName(full);
        if (parent is null) return true;
        if (!Directory.Exists(parent)) return false;
        using DirectoryHandle directory = DirectoryHandle.Open(parent);
        if (directory.TryStatus(Path.GetFileName(full)) is not { } status) return false;
        if (status.MountRoot is { } answer) return answer;
        return MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")).Any(m => m.MountPoint == full);
    }

    internal static nuint Classic(MountAttributes attributes) =>
        (attributes.HasFlag(MountAttributes.ReadOnly) ? ReadOnly : 0) | (attributes.HasFlag(MountAttributes.NoSetuid) ? NoSetuid : 0)
        | (attributes.HasFlag(MountAttributes.NoDevices) ? NoDevices : 0) | (attributes.HasFlag(MountAttributes.NoExec) ? NoExec : 0);

    private static void Check(int result, string call, string target)
    {
        if (result < 0) throw ErrnoException.Last(call, target);
    }
}
