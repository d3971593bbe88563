using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

/// <summary>What happens where a path would leave the directory that it starts in.</summary>
public enum PathBorder
{
    /// <summary>It fails with EXDEV: "..", absolute links and absolute paths included (RESOLVE_BENEATH).</summary>
    Refuse,
    /// <summary>The directory is taken for "/", as in chroot (RESOLVE_IN_ROOT).</summary>
    ActAsRoot,
}

public sealed unsafe partial class DirectoryHandle
{
    private const int MaxLinks = 40;
    private static volatile bool s_noOpenAt2;

    /// <summary>
    /// Opens a path that others wrote without ever leaving this directory, and without magic links of /proc. The kernel
    /// checks while it walks (openat2(2), Linux 5.6); nothing can be swapped between check and use.
    /// </summary>
    /// <exception cref="ErrnoException">EXDEV: it would leave. ELOOP: a magic link or too many links. ENOENT, ENOTDIR.</exception>
    public FileDescriptor OpenInside(KernelPath path, OpenFlags flags, PathBorder border, uint mode = 0)
    {
        if (s_noOpenAt2) return Walk(path, flags, border, mode);
        const ulong noMagicLinks = 0x02, beneath = 0x08, inRoot = 0x10;
        // open(2) ignores a mode without O_CREAT, openat2(2) refuses it.
        ulong* how = stackalloc ulong[3]
        {
            (ulong)flags.ToKernel(), flags.HasFlag(OpenFlags.Create) ? mode : 0, noMagicLinks | (border == PathBorder.Refuse ? beneath : inRoot),
        };
        for (int attempt = 0; ; attempt++)
        {
            FileDescriptor fd = FileCalls.OpenAt2(FileCalls.Openat2Number, Descriptor, path.Terminated, how, 3 * sizeof(ulong));
            if (!fd.IsInvalid) return fd;
            int errno = Marshal.GetLastPInvokeError();
            // A rename anywhere while ".." was walked makes the kernel unsure; it says try again.
            if (errno == Errno.EAGAIN && attempt < 64) continue;
            // EPERM: old seccomp filters answer so to calls they do not know; the walk below meets a real one again.
            if (errno is not (Errno.ENOSYS or Errno.EPERM)) throw new ErrnoException("openat2", Target(path), errno);
            s_noOpenAt2 = errno == Errno.ENOSYS;
            return Walk(path, flags, border, mode);
        }
    }

    /// <summary>A directory in it, as <see cref="OpenInside"/> finds it.</summary>
    public DirectoryHandle OpenDirectoryInside(KernelPath path, PathBorder border) =>
        new(OpenInside(path, AsDirectory, border), Target(path));

    /// <summary>The same for kernels without openat2: one component at a time, each held by an fd, no link ever followed by the kernel.</summary>
    internal FileDescriptor Walk(KernelPath path, OpenFlags flags, PathBorder border, uint mode)
    {
        Stack<KernelPath> todo = [];
        List<DirectoryHandle> way = [];
        int links = 0;
        try
        {
            if (Push(path, todo) && border == PathBorder.Refuse) throw new ErrnoException("openat", Target(path), Errno.EXDEV);
            while (true)
            {
                DirectoryHandle here = way.Count > 0 ? way[^1] : this;
                if (todo.Count == 0) return here.OpenFile(".", flags, mode);
                KernelPath part = todo.Pop();
                if (part == "..")
                {
                    if (way.Count > 0) { way[^1].Dispose(); way.RemoveAt(way.Count - 1); }
                    else if (border == PathBorder.Refuse) throw new ErrnoException("openat", Target(path), Errno.EXDEV);
                    continue;
                }
                FileStatus? status = here.TryStatus(part);
                if (status?.Kind == FileKind.SymbolicLink && !(todo.Count == 0 && flags.HasFlag(OpenFlags.NoFollow)))
                {
                    if (++links > MaxLinks) throw new ErrnoException("openat", Target(path), Errno.ELOOP);
                    if (!Push(here.ReadLink(part), todo)) continue;
                    if (border == PathBorder.Refuse) throw new ErrnoException("openat", Target(path), Errno.EXDEV);
                    way.ForEach(d => d.Dispose());
                    way.Clear();
                }
                else if (todo.Count == 0) return here.OpenFile(part, flags, mode);
                else way.Add(here.OpenDirectory(part));
            }
        }
        finally
        {
            way.ForEach(d => d.Dispose());
        }
    }

    /// <returns>True when the path is absolute.</returns>
    private static bool Push(KernelPath path, Stack<KernelPath> todo)
    {
        ReadOnlySpan<byte> rest = path.Bytes;
        while (!rest.IsEmpty)
        {
            int slash = rest.LastIndexOf((byte)'/');
            ReadOnlySpan<byte> part = rest[(slash + 1)..];
            if (!part.IsEmpty && !part.SequenceEqual("."u8)) todo.Push(new(part));
            rest = slash < 0 ? [] : rest[..slash];
        }
        return path.Bytes.StartsWith("/"u8);
    }
}
