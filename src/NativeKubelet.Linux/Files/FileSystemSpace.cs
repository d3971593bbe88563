using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

/// <summary>How full a file system is (statfs(2)).</summary>
/// <param name="AvailableBytes">What programs without privileges may still write; what eviction counts.</param>
/// <param name="TotalInodes">0 where the file system makes inodes as it needs them.</param>
/// <param name="Magic">The f_type: which kind of file system it is.</param>
public sealed record FileSystemSpace(long TotalBytes, long FreeBytes, long AvailableBytes, long TotalInodes, long FreeInodes, long Magic)
{
    public const long Overlay = 0x794c7630, Tmpfs = 0x01021994, Nfs = 0x6969, Ext = 0xEF53;

    /// <summary>Mounted with noexec: no file of it can be run from here, nor through a bind mount of it.</summary>
    public bool NoExec { get; init; }

    public bool ReadOnly { get; init; }

    /// <exception cref="ErrnoException">ENOENT, EACCES.</exception>
    public static FileSystemSpace Of(string directory)
    {
        using DirectoryHandle handle = DirectoryHandle.Open(directory);
        // struct statfs is fifteen machine words on both 64-bit architectures; room for what may be added.
        Span<long> raw = stackalloc long[32];
        if (FileCalls.StatFileSystem(handle.Descriptor, raw) < 0) throw ErrnoException.Last("fstatfs", directory);
        const int type = 0, blockSize = 1, blocks = 2, free = 3, available = 4, inodes = 5, freeInodes = 6, fragment = 9, flags = 10;
        const long readOnly = 1, noExec = 8;
        long unit = raw[fragment] != 0 ? raw[fragment] : raw[blockSize];
        return new(raw[blocks] * unit, raw[free] * unit, raw[available] * unit, raw[inodes], raw[freeInodes], raw[type])
        {
            NoExec = (raw[flags] & noExec) != 0,
            ReadOnly = (raw[flags] & readOnly) != 0,
        };
    }
}
