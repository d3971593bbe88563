using System.Collections.Immutable;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Images.Layers;

public enum TarKind
{
    File, HardLink, SymbolicLink, CharacterDevice, BlockDevice, Directory, Fifo,
    /// <summary>Something that archives may hold and file systems need not: volume names and the like.</summary>
    Other,
}

/// <summary>A piece of a sparse file that has bytes in the archive; all around it are holes.</summary>
public readonly record struct SparsePiece(long Offset, long Length);

/// <summary>One member of an archive, whatever dialect described it.</summary>
/// <param name="Path">As stored: neither cleaned nor safe.</param>
/// <param name="LinkPath">A link's target, as stored.</param>
/// <param name="Permissions">The lower twelve bits of the mode.</param>
/// <param name="Size">Of the file once unpacked, holes included.</param>
/// <param name="StoredSize">Of its bytes in the archive.</param>
/// <param name="Sparse">Default (not empty) for an ordinary file.</param>
public sealed record TarEntry(
    KernelPath Path,
    KernelPath LinkPath,
    TarKind Kind,
    uint Permissions,
    uint Uid,
    uint Gid,
    long Size,
    long StoredSize,
    FileTime Modified,
    uint Major,
    uint Minor,
    ImmutableArray<KeyValuePair<string, byte[]>> Attributes,
    ImmutableArray<SparsePiece> Sparse);
