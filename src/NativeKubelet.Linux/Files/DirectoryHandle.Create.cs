using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

public sealed unsafe partial class DirectoryHandle
{
    /// <param name="mode">Before the umask; callers that need bits beyond 0755 set them with <see cref="SetMode(KernelPath, uint)"/>.</param>
    public void MakeDirectory(KernelPath name, uint mode = 0x1ED) => Check(FileCalls.MakeDirectoryAt(Descriptor, name.Terminated, mode), "mkdirat", name);

    /// <returns>False when the name was there already, as whatever.</returns>
    public bool TryMakeDirectory(KernelPath name, uint mode = 0x1ED)
    {
        if (FileCalls.MakeDirectoryAt(Descriptor, name.Terminated, mode) == 0) return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.EEXIST ? false : throw new ErrnoException("mkdirat", Target(name), errno);
    }

    /// <param name="target">Stored as it is, never looked at.</param>
    public void MakeSymbolicLink(KernelPath target, KernelPath name) =>
        Check(FileCalls.SymbolicLinkAt(target.Terminated, Descriptor, name.Terminated), "symlinkat", name);

    /// <summary>A second name for <paramref name="old"/> of <paramref name="from"/>; when that is a link, for the link itself.</summary>
    public void MakeHardLink(DirectoryHandle from, KernelPath old, KernelPath name) =>
        Check(FileCalls.LinkAt(from.Descriptor, old.Terminated, Descriptor, name.Terminated, 0), "linkat", name);

    /// <summary>A device, fifo or socket. Permissions pass the umask.</summary>
    public void MakeNode(KernelPath name, FileKind kind, uint permissions, uint major, uint minor) =>
        Check(FileCalls.MakeNodeAt(Descriptor, name.Terminated, (uint)kind | permissions, DeviceNumber(major, minor)), "mknodat", name);

    /// <summary>Replaces what has the new name, in one step, if it is no directory with content.</summary>
    public void Rename(KernelPath old, DirectoryHandle to, KernelPath name) =>
        Check(FileCalls.RenameAt(Descriptor, old.Terminated, to.Descriptor, name.Terminated), "renameat", name);

    // makedev(3): both halves are split, since they once had eight bits each.
    private static ulong DeviceNumber(ulong major, ulong minor) =>
        (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffUL) << 12 | (major & ~0xfffUL) << 32;
}
