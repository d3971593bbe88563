using System.Runtime.InteropServices;
using System.Text;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

public sealed unsafe partial class DirectoryHandle
{
    /// <summary>Clears setuid and setgid and drops security.capability: owner first, then mode, then attributes.</summary>
    public void SetOwner(KernelPath name, uint uid, uint gid) =>
        Check(FileCalls.ChangeOwnerAt(Descriptor, name.Terminated, uid, gid, FileCalls.NoFollow), "fchownat", name);

    /// <summary>Exactly these permissions, whatever the umask. Nothing happens to a symbolic link, which has none.</summary>
    public void SetMode(KernelPath name, uint permissions)
    {
        // fchmodat with AT_SYMLINK_NOFOLLOW needs kernel 6.6; a place in the tree and its magic link need none.
        using FileDescriptor place = OpenFile(name, OpenFlags.PathOnly);
        if (StatusOf(place, Target(name)).Kind == FileKind.SymbolicLink) return;
        Check(FileCalls.ChangeModeAt(Descriptor, ((KernelPath)place.ProcPath).Terminated, permissions, 0), "fchmodat", name);
    }

    public static void SetMode(FileDescriptor file, uint permissions, string name)
    {
        if (FileCalls.ChangeMode(file, permissions) < 0) throw ErrnoException.Last("fchmod", name);
    }

    /// <summary>Sets the time of the last change; the time of the last access becomes the same.</summary>
    public void SetModified(KernelPath name, FileTime time)
    {
        FileTime* times = stackalloc FileTime[2] { time, time };
        Check(FileCalls.SetTimesAt(Descriptor, name.Terminated, times, FileCalls.NoFollow), "utimensat", name);
    }

    /// <summary>Sets an extended attribute (xattr(7)) of the name itself, a link included.</summary>
    /// <exception cref="ErrnoException">ENOTSUP: the file system has none of this kind; EPERM: not on this kind of file.</exception>
    public void SetAttribute(KernelPath name, string attribute, ReadOnlySpan<byte> value)
    {
        int errno = TrySetAttribute(name, attribute, value);
        if (errno != 0) throw new ErrnoException($"lsetxattr {attribute}", Target(name), errno);
    }

    /// <returns>0, or the errno.</returns>
    public int TrySetAttribute(KernelPath name, string attribute, ReadOnlySpan<byte> value)
    {
        // An empty span is a null pointer, which the kernel takes for a value of no bytes.
        int result = FileCalls.SetAttribute(ProcPathOf(name).Terminated, ((KernelPath)attribute).Terminated, value, value.Length, 0);
        return result == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <returns>Null when the file has no such attribute, or its file system none at all.</returns>
    public byte[]? TryGetAttribute(KernelPath name, string attribute)
    {
        byte[] buffer = new byte[256];
        while (true)
        {
            nint length = FileCalls.GetAttribute(ProcPathOf(name).Terminated, ((KernelPath)attribute).Terminated, buffer, buffer.Length);
            if (length >= 0) return buffer[..(int)length];
            int errno = Marshal.GetLastPInvokeError();
            if (errno is Errno.ENODATA or Errno.ENOTSUP) return null;
            if (errno != Errno.ERANGE || buffer.Length >= 64 * 1024) throw new ErrnoException($"lgetxattr {attribute}", Target(name), errno);
            buffer = new byte[64 * 1024];
        }
    }

    /// <returns>The names of a file's extended attributes that we may see.</returns>
    public string[] ListAttributes(KernelPath name)
    {
        byte[] buffer = new byte[1024];
        while (true)
        {
            nint length = FileCalls.ListAttributes(ProcPathOf(name).Terminated, buffer, buffer.Length);
            if (length >= 0) return Encoding.UTF8.GetString(buffer, 0, (int)length).Split('\0', StringSplitOptions.RemoveEmptyEntries);
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.ENOTSUP) return [];
            if (errno != Errno.ERANGE || buffer.Length >= 64 * 1024) throw new ErrnoException("llistxattr", Target(name), errno);
            buffer = new byte[64 * 1024];
        }
    }

    // There is no setxattrat before 6.13; the directory's magic link makes a path of (fd, name) that cannot be redirected.
    private KernelPath ProcPathOf(KernelPath name)
    {
        byte[] head = Encoding.ASCII.GetBytes(Descriptor.ProcPath + "/");
        return new KernelPath([.. head, .. name.Bytes]);
    }
}
