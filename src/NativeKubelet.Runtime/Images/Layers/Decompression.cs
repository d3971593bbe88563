using System.IO.Compression;
using ZstdSharp;

namespace NativeKubelet.Runtime.Images.Layers;

public enum Compression
{
    None, Gzip, Zstd,
}

/// <summary>Decompresses by the first bytes; media types and file names are only what somebody says (RFC 1952, RFC 8878).</summary>
public static class Decompression
{
    private const int BufferSize = 64 * 1024;

    /// <summary>Looks at the first bytes and goes back to where it was.</summary>
    /// <exception cref="ImageFormatException">A compression that this build has not: bzip2, xz, lz4.</exception>
    public static Compression Detect(Stream packed)
    {
        Span<byte> head = stackalloc byte[6];
        long start = packed.Position;
        head = head[..packed.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        packed.Position = start;
        switch (head)
        {
            case [0x1f, 0x8b, ..]: return Compression.Gzip;
            // Chunked zstd archives may begin with a skippable frame.
            case [0x28, 0xb5, 0x2f, 0xfd, ..] or [>= 0x50 and <= 0x5f, 0x2a, 0x4d, 0x18, ..]: return Compression.Zstd;
            case [(byte)'B', (byte)'Z', (byte)'h', ..]: throw Unsupported("bzip2");
            case [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]: throw Unsupported("xz");
            case [0x04, 0x22, 0x4d, 0x18, ..]: throw Unsupported("lz4");
            default: return Compression.None;
        }
    }

    /// <summary>Takes over <paramref name="packed"/>.</summary>
    public static Stream Open(Stream packed, Compression compression) => compression switch
    {
        Compression.Gzip => new GZipStream(packed, CompressionMode.Decompress),
        Compression.Zstd => new DecompressionStream(packed, BufferSize, checkEndOfStream: true, leaveOpen: false),
        _ => packed,
    };

    private static ImageFormatException Unsupported(string name) => new($"compressed by {name}, which is not supported; use gzip, zstd or none");
}
