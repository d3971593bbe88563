using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

/// <summary>
/// An open directory. Names given to its methods are one component (or a path whose directories the caller has made
/// himself): links in the last component are never followed. For paths that others wrote use <see cref="OpenInside"/>.
/// </summary>
public sealed unsafe partial class DirectoryHandle : IDisposable
{
    private const OpenFlags AsDirectory = OpenFlags.Read | OpenFlags.Directory;
    private const int BasicStatistics = 0x7ff;

    private DirectoryHandle(FileDescriptor descriptor, string name)
    {
        Descriptor = descriptor;
        Name = name;
    }

    public FileDescriptor Descriptor { get; }

    /// <summary>The path by which it was opened, for messages.</summary>
    public string Name { get; }

    /// <summary>Opens a directory of our own by its path; links on the way are followed, as the operator made them.</summary>
    /// <exception cref="ErrnoException">ENOENT, ENOTDIR, EACCES.</exception>
    public static DirectoryHandle Open(string path)
    {
        FileDescriptor fd = FileCalls.Open(((KernelPath)path).Terminated, AsDirectory.ToKernel(), 0);
        return fd.IsInvalid ? throw ErrnoException.Last("open", path) : new(fd, path);
    }

    /// <exception cref="ErrnoException">ENOENT; ENOTDIR or ELOOP: a file or a link.</exception>
    public DirectoryHandle OpenDirectory(KernelPath name) =>
        TryOpenDirectory(name, out int errno) ?? throw new ErrnoException("openat", Target(name), errno);

    /// <returns>Null, and why: ENOENT, ENOTDIR (also for a link, on some kernels ELOOP).</returns>
    public DirectoryHandle? TryOpenDirectory(KernelPath name, out int errno)
    {
        FileDescriptor fd = FileCalls.OpenAt(Descriptor, name.Terminated, (AsDirectory | OpenFlags.NoFollow).ToKernel(), 0);
        errno = fd.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        return fd.IsInvalid ? null : new(fd, Target(name));
    }

    /// <param name="mode">Of a new file, before the umask; see <see cref="SetMode(KernelPath, uint)"/>.</param>
    public FileDescriptor OpenFile(KernelPath name, OpenFlags flags, uint mode = 0)
    {
        FileDescriptor fd = FileCalls.OpenAt(Descriptor, name.Terminated, (flags | OpenFlags.NoFollow).ToKernel(), mode);
        return fd.IsInvalid ? throw ErrnoException.Last("openat", Target(name)) : fd;
    }

    /// <summary>
    /// Opens a file that others can put things in the place of (a log): refuses links, second names, devices and fifos,
    /// so that what is read is what was written under this name (CVE class: symlinked log reading).
    /// </summary>
    /// <exception cref="IOException">It is not a regular file with one name.</exception>
    public FileDescriptor OpenRegularFile(KernelPath name)
    {
        // NonBlocking: a fifo would wait for its writer before it could be refused.
        FileDescriptor file = OpenFile(name, OpenFlags.Read | OpenFlags.NonBlocking);
        FileStatus status = StatusOf(file, Target(name));
        if (status is { Kind: FileKind.Regular, Links: 1 }) return file;
        file.Dispose();
        throw new IOException($"{Target(name)} is refused: a {status.Kind} with {status.Links} names instead of a regular file with one");
    }

    /// <summary>The directory's own status.</summary>
    public FileStatus Status() => StatusOf(Descriptor, Name);

    /// <returns>Null when there is nothing of that name.</returns>
    public FileStatus? TryStatus(KernelPath name)
    {
        byte* raw = stackalloc byte[FileStatus.StatxSize];
        if (FileCalls.Statx(FileCalls.StatxNumber, Descriptor, name.Terminated, FileCalls.NoFollow, BasicStatistics, raw) == 0)
            return FileStatus.FromStatx(new(raw, FileStatus.StatxSize));
        int errno = Marshal.GetLastPInvokeError();
        return errno is Errno.ENOENT or Errno.ENOTDIR ? null : throw new ErrnoException("statx", Target(name), errno);
    }

    public FileStatus Status(KernelPath name) => TryStatus(name) ?? throw new ErrnoException("statx", Target(name), Errno.ENOENT);

    public static FileStatus StatusOf(FileDescriptor file, string name)
    {
        byte* raw = stackalloc byte[FileStatus.StatxSize];
        return FileCalls.Statx(FileCalls.StatxNumber, file, "\0"u8, FileCalls.EmptyPath, BasicStatistics, raw) == 0
            ? FileStatus.FromStatx(new(raw, FileStatus.StatxSize))
            : throw ErrnoException.Last("statx", name);
    }

    /// <returns>The link's text, as it is.</returns>
    public KernelPath ReadLink(KernelPath name)
    {
        Span<byte> buffer = stackalloc byte[4096];
        nint length = FileCalls.ReadLinkAt(Descriptor, name.Terminated, buffer, buffer.Length);
        return length < 0 ? throw ErrnoException.Last("readlinkat", Target(name)) : new(buffer[..(int)length]);
    }

    /// <summary>All names but "." and "..", in the kernel's order. A name that appears meanwhile may or may not be among them.</summary>
    public List<KernelPath> List()
    {
        List<KernelPath> names = [];
        byte[] buffer = new byte[16 * 1024];
        if (FileCalls.Seek(Descriptor, 0, 0) < 0) throw ErrnoException.Last("lseek", Name);
        while (true)
        {
            nint count = FileCalls.GetDents64(FileCalls.Getdents64Number, Descriptor, buffer, buffer.Length);
            if (count < 0) throw ErrnoException.Last("getdents64", Name);
            if (count == 0) return names;
            foreach (ReadOnlySpan<byte> name in new DirectoryEntries(buffer.AsSpan(0, (int)count))) names.Add(new(name[..^1]));
        }
    }

    /// <summary>Makes renames, creations and removals in it outlast a power cut (fsync(2)).</summary>
    public void Sync() => OpenedFile.Sync(Descriptor, Name);

    /// <summary>Brings everything on its file system to the disk, once for a whole tree (syncfs(2)).</summary>
    public void SyncFileSystem()
    {
        if (FileCalls.SyncFileSystem(Descriptor) < 0) throw ErrnoException.Last("syncfs", Name);
    }

    public void Dispose() => Descriptor.Dispose();

    private string Target(KernelPath name) => Name.EndsWith('/') ? Name + name : $"{Name}/{name}";

    private void Check(int result, string call, KernelPath name)
    {
        if (result < 0) throw ErrnoException.Last(call, Target(name));
    }
}
