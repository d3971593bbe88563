using System.Runtime.InteropServices;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Mounts;

/// <summary>A file system in memory.</summary>
/// <param name="SizeBytes">Null leaves the kernel's half of the memory.</param>
/// <param name="Mode">Of its root.</param>
public sealed record TmpfsOptions(long? SizeBytes, uint Mode)
{
    /// <summary>Of its root; null: root's.</summary>
    public uint? Group { get; init; }

    /// <summary>What it holds is never written to swap, where the kernel can keep that promise (6.4).</summary>
    public bool NoSwap { get; init; }
}

/// <summary>
/// Mounts in this process' own mount namespace. Each call is complete or has no effect; unmounting what is gone succeeds.
/// </summary>
public static class MountPoint
{
    private const nuint ReadOnly = 0x1, NoSetuid = 0x2, NoDevices = 0x4, NoExec = 0x8, Remount = 0x20, BindFlag = 0x1000, RecursiveFlag = 0x4000, SharedFlag = 0x100000;
    private const int DetachFlag = 2, NoFollow = 8;

    private static readonly Lazy<bool> s_canSetAttributes = new(ProbeAttributes);

    /// <summary>Whether the kernel changes a whole tree of mounts at once (mount_setattr(2), Linux 5.12).</summary>
    public static bool CanSetAttributes => s_canSetAttributes.Value;

    public static void Tmpfs(string target, TmpfsOptions options, MountAttributes attributes)
    {
        List<(string Key, string Value)> settings = [("mode", Convert.ToString(options.Mode, 8))];
        if (options.SizeBytes is { } size) settings.Add(("size", $"{size}"));
        if (options.Group is { } group) settings.Add(("gid", $"{group}"));
        InMemory("tmpfs", target, settings, options.NoSwap, attributes);
    }

    /// <param name="pageBytes">One of the sizes that the machine has.</param>
    /// <exception cref="ErrnoException">EINVAL: it has no pages of this size; ENODEV: none at all.</exception>
    public static void HugeTlbFs(string target, long pageBytes, uint mode, uint? group)
    {
        List<(string Key, string Value)> settings = [("pagesize", $"{pageBytes}"), ("mode", Convert.ToString(mode, 8))];
        if (group is { } id) settings.Add(("gid", $"{id}"));
        InMemory("hugetlbfs", target, settings, noSwap: false, MountAttributes.None);
    }

    private static void InMemory(string type, string target, List<(string Key, string Value)> settings, bool noSwap, MountAttributes attributes)
    {
        using FileSystemContext? context = FileSystemContext.TryOpen(type);
        if (context is null)
        {
            string options = string.Join(',', settings.Select(s => $"{s.Key}={s.Value}"));
            Check(MountCalls.Mount(type, target, type, Classic(attributes), options), $"mount {type}", target);
            return;
        }
        context.TrySet("source", type);
        foreach ((string key, string value) in settings) context.Set(key, value);
        if (noSwap) context.TrySet("noswap");
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

    /// <summary>Shows at <paramref name="target"/> what is open: no path leads to the source a second time. Mounts below it are not shown.</summary>
    public static void Bind(FileDescriptor source, string name, string target)
    {
        using DetachedMount? copy = DetachedMount.TryCopy(source, name, recursive: false);
        if (copy is not null) copy.Attach(target);
        else Check(MountCalls.Mount(source.ProcPath, target, null, BindFlag, null), "mount --bind", target);
    }

    /// <summary>From now on a mount here, or below, shows in its copies too, and the reverse.</summary>
    /// <exception cref="ErrnoException">EINVAL: it is no mount point.</exception>
    public static void MakeShared(string target) =>
        Check(MountCalls.Mount(null, target, null, SharedFlag | RecursiveFlag, null), "mount --make-rshared", target);

    /// <summary>Ends every mount on this point; links are not followed, and nobody loses a file that he has open.</summary>
    /// <returns>False when nothing was mounted there.</returns>
    /// <exception cref="ErrnoException">EBUSY: somebody uses it, or something is mounted inside.</exception>
    public static bool UnmountAll(string target)
    {
        for (bool any = false; ; any = true)
        {
            if (MountCalls.Unmount(target, NoFollow) == 0) continue;
            int errno = Marshal.GetLastPInvokeError();
            return errno is Errno.EINVAL or Errno.ENOENT ? any : throw new ErrnoException("umount2", target, errno);
        }
    }

    /// <summary>Mount points below a directory, innermost first, each once; named by way of the path that is given.</summary>
    public static List<string> Below(string directory)
    {
        using DirectoryHandle handle = DirectoryHandle.Open(directory);
        // The kernel lists mounts by their real paths; a link may stand on the way to ours.
        string real = File.ResolveLinkTarget(handle.Descriptor.ProcPath, returnFinalTarget: false)?.FullName ?? directory;
        return [.. MountInfo.ReadOwn().Select(m => m.MountPoint).Where(p => p.StartsWith(real + "/", StringComparison.Ordinal)).Reverse().Distinct().Select(p => directory + p[real.Length..])];
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

    private static unsafe bool ProbeAttributes()
    {
        ulong* nothing = stackalloc ulong[4];
        using DirectoryHandle root = DirectoryHandle.Open("/");
        // Without a change to make the call does nothing, and fails only where it does not exist.
        return MountCalls.MountSetAttr(MountCalls.MountSetAttrNumber, root.Descriptor, "\0"u8, 0x1000 /* AT_EMPTY_PATH */, nothing, 4 * sizeof(ulong)) == 0
            || Marshal.GetLastPInvokeError() != Errno.ENOSYS;
    }

    private static void Check(int result, string call, string target)
    {
        if (result < 0) throw ErrnoException.Last(call, target);
    }
}
