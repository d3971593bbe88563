using System.IO.Compression;
using ZstdSharp;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>Decompresses by the first bytes; media types and file names are only what somebody says (RFC 1952, RFC 8878).</summary>
public static class Decompression
{
    private const int BufferSize = 64 * 1024;

    /// <summary>Takes over <paramref name="packed"/>, which must be at its start and able to seek, unless this throws.</summary>
    /// <exception cref="ImageFormatException">A compression that this build has not: bzip2, xz, lz4.</exception>
    public static Stream Open(Stream packed)
    {
        Span<byte> head = stackalloc byte[6];
        long start = packed.Position;
        head = head[..packed.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        packed.Position = start;
        if (head is [0x1f, 0x8b, ..]) return new GZipStream(packed, CompressionMode.Decompress);
        // Chunked zstd archives may begin with a skippable frame (0x184D2A50 to 5F).
        if (IsZstd(head)) return new DecompressionStream(packed, BufferSize, checkEndOfStream: true, leaveOpen: false);
        string? other = head switch
        {
            [(byte)'B', (byte)'Z', (byte)'h', ..] => "bzip2",
            [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0] => "xz",
            [0x04, 0x22, 0x4d, 0x18, ..] => "lz4",
            _ => null,
        };
        return other is null ? packed : throw new ImageFormatException($"compressed by {other}, which is not supported; use gzip, zstd or none");
    }

    private static bool IsZstd(ReadOnlySpan<byte> head) =>
        head is [0x28, 0xb5, 0x2f, 0xfd, ..] or [>= 0x50 and <= 0x5f, 0x2a, 0x4d, 0x18, ..];
}
