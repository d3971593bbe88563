namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>How much one layer may be. Beyond any of these it is taken for an attack: an error, and nothing left behind.</summary>
/// <param name="Entries">Headers in the archive, those that describe others included.</param>
/// <param name="Bytes">Of all files together, holes included.</param>
/// <param name="Ratio">Unpacked to packed, once more than <paramref name="RatioFrom"/> bytes came out: gzip ends at about 1000, zstd does not.</param>
/// <param name="Depth">Directories inside one another; each costs an open fd when the tree is removed.</param>
/// <param name="PathBytes">The kernel's own limit is 4096.</param>
/// <param name="HeaderBytes">Of one extended header; extended attributes of 64 KiB each live there.</param>
public sealed record LayerLimits(int Entries, long Bytes, int Ratio, long RatioFrom, int Depth, int PathBytes, int HeaderBytes)
{
    public static LayerLimits Default { get; } = new(
        Entries: 1_000_000, Bytes: 64L << 30, Ratio: 400, RatioFrom: 256L << 20, Depth: 256, PathBytes: 4095, HeaderBytes: 1 << 20);

    /// <summary>Stops a bomb while it inflates, whatever it is made of.</summary>
    /// <param name="plain">Bytes that came out so far.</param>
    /// <param name="packed">Bytes that there are to unpack.</param>
    public void CheckInflation(long plain, long packed)
    {
        if (plain > Bytes) throw new ImageFormatException($"it unpacks to more than {Bytes} bytes");
        if (plain > RatioFrom && plain / Ratio > packed) throw new ImageFormatException($"it unpacks to more than {Ratio} times its size");
    }
}
