using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Mounts;

/// <summary>Of one mount (mount_setattr(2)); the numbers of MOUNT_ATTR_*.</summary>
[Flags]
public enum MountAttributes
{
    None = 0, ReadOnly = 0x1, NoSetuid = 0x2, NoDevices = 0x4, NoExec = 0x8,
}

/// <summary>A mount that is in no directory tree yet. Disposing it without attaching makes it vanish, also when the process is killed.</summary>
public sealed unsafe class DetachedMount : IDisposable
{
    private const int Clone = 1, CloseOnExec = 0x80000, Recursive = 0x8000, EmptyPath = 0x1000, NoFollowLast = 0x100;
    private const int FromEmptyPath = 0x4, ToEmptyPath = 0x40;
    private readonly string _name;

    internal DetachedMount(FileDescriptor mount, string name)
    {
        Root = mount;
        _name = name;
    }

    /// <summary>Its root directory; usable for the *at calls while detached.</summary>
    public FileDescriptor Root { get; }

    /// <summary>A copy of what is at <paramref name="path"/>, for a bind mount (open_tree(2), Linux 5.2).</summary>
    /// <param name="recursive">With what is mounted below it.</param>
    /// <returns>Null where the kernel has no open_tree.</returns>
    public static DetachedMount? TryCopy(string path, bool recursive)
    {
        FileDescriptor tree = MountCalls.OpenTree(MountCalls.OpenTreeNumber, MountCalls.CurrentDirectory, path, Flags(recursive));
        return Result(tree, path);
    }

    /// <summary>The same for an object that is open already: no path is resolved a second time (subPath volumes).</summary>
    public static DetachedMount? TryCopy(FileDescriptor place, string name, bool recursive)
    {
        FileDescriptor tree = MountCalls.OpenTreeOf(MountCalls.OpenTreeNumber, place, "", Flags(recursive) | EmptyPath);
        return Result(tree, name);
    }

    /// <summary>Sets and clears attributes (Linux 5.12).</summary>
    /// <returns>False where the kernel has no mount_setattr.</returns>
    public bool TrySetAttributes(MountAttributes set, MountAttributes clear, bool recursive)
    {
        ulong* attributes = stackalloc ulong[4] { (ulong)set, (ulong)clear, 0, 0 };
        nint flags = EmptyPath | (recursive ? Recursive : 0);
        if (MountCalls.MountSetAttr(MountCalls.MountSetAttrNumber, Root, "\0"u8, flags, attributes, 4 * sizeof(ulong)) == 0) return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.ENOSYS ? false : throw new ErrnoException("mount_setattr", _name, errno);
    }

    /// <summary>Shows files of user n as those of user n of the namespace, and writes what its users make as theirs (Linux 5.12, and the file system must agree).</summary>
    /// <exception cref="ErrnoException">EINVAL: a file system that cannot. ENOSYS: the kernel is too old.</exception>
    public void ShowOwnersOf(FileDescriptor userNamespace, bool recursive)
    {
        const ulong idMap = 0x100000;
        bool held = false;
        try
        {
            userNamespace.DangerousAddRef(ref held);
            ulong* attributes = stackalloc ulong[4] { idMap, 0, 0, (ulong)userNamespace.DangerousGetHandle() };
            if (MountCalls.MountSetAttr(MountCalls.MountSetAttrNumber, Root, "\0"u8, EmptyPath | (recursive ? Recursive : 0), attributes, 4 * sizeof(ulong)) < 0)
                throw ErrnoException.Last("mount_setattr MOUNT_ATTR_IDMAP", _name);
        }
        finally
        {
            if (held) userNamespace.DangerousRelease();
        }
    }

    /// <summary>Puts it over <paramref name="target"/>, a directory or file of the operator's or ours; a link there is not followed.</summary>
    public void Attach(string target)
    {
        if (MountCalls.MoveMount(MountCalls.MoveMountNumber, Root, "", MountCalls.CurrentDirectory, target, FromEmptyPath) < 0)
            throw ErrnoException.Last("move_mount", target);
    }

    /// <summary>Puts it over an object that is open already.</summary>
    public void Attach(FileDescriptor target, string name)
    {
        if (MountCalls.MoveMountOnto(MountCalls.MoveMountNumber, Root, "\0"u8, target, "\0"u8, FromEmptyPath | ToEmptyPath) < 0)
            throw ErrnoException.Last("move_mount", name);
    }

    public void Dispose() => Root.Dispose();

    private static nint Flags(bool recursive) => Clone | CloseOnExec | NoFollowLast | (recursive ? Recursive : 0);

    private static DetachedMount? Result(FileDescriptor tree, string name)
    {
        if (!tree.IsInvalid) return new(tree, name);
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.ENOSYS ? null : throw new ErrnoException("open_tree", name, errno);
    }
}
