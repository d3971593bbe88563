using System.Runtime.InteropServices;

namespace NativeKubelet.Linux.Files;

/// <summary>The type bits of a mode (inode(7)).</summary>
public enum FileKind : uint
{
    Unknown = 0, Fifo = 0x1000, CharacterDevice = 0x2000, Directory = 0x4000, BlockDevice = 0x6000, Regular = 0x8000, SymbolicLink = 0xA000, Socket = 0xC000,
}

/// <summary>Seconds since 1970 and nanoseconds; what utimensat(2) takes and tar and the kernel keep.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct FileTime(long Seconds, long Nanoseconds);

/// <summary>What statx(2) says of one file; its last link is not followed.</summary>
/// <param name="Permissions">The lower twelve bits of the mode: setuid, setgid, sticky and rwx.</param>
/// <param name="AllocatedBytes">Real use of the disk.</param>
/// <param name="MountRoot">The root of a mount; null where the kernel (before 5.8) does not say.</param>
public readonly record struct FileStatus(
    FileKind Kind,
    uint Permissions,
    uint Uid,
    uint Gid,
    long Size,
    long AllocatedBytes,
    uint Links,
    ulong Inode,
    ulong Device,
    uint NodeMajor,
    uint NodeMinor,
    FileTime Modified,
    bool? MountRoot)
{
    /// <summary>An overlay file system's mark that the name is gone in this layer.</summary>
    public bool IsWhiteout => Kind == FileKind.CharacterDevice && NodeMajor == 0 && NodeMinor == 0;

    internal const int StatxSize = 256;

    // struct statx has one layout on all architectures.
    internal static FileStatus FromStatx(ReadOnlySpan<byte> raw)
    {
        const ulong mountRoot = 0x2000;
        ulong attributes = MemoryMarshal.Read<ulong>(raw[8..]), known = MemoryMarshal.Read<ulong>(raw[56..]);
        uint mode = MemoryMarshal.Read<ushort>(raw[28..]);
        return new(
            (FileKind)(mode & 0xF000), mode & 0xFFF,
            MemoryMarshal.Read<uint>(raw[20..]), MemoryMarshal.Read<uint>(raw[24..]),
            MemoryMarshal.Read<long>(raw[40..]), MemoryMarshal.Read<long>(raw[48..]) * 512,
            MemoryMarshal.Read<uint>(raw[16..]), MemoryMarshal.Read<ulong>(raw[32..]),
            (ulong)MemoryMarshal.Read<uint>(raw[136..]) << 32 | MemoryMarshal.Read<uint>(raw[140..]),
            MemoryMarshal.Read<uint>(raw[128..]), MemoryMarshal.Read<uint>(raw[132..]),
            new(MemoryMarshal.Read<long>(raw[112..]), MemoryMarshal.Read<uint>(raw[120..])),
            (known & mountRoot) == 0 ? null : (attributes & mountRoot) != 0);
    }
}
