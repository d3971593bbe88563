using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>One 512-byte header block as it stands: v7, ustar and GNU (POSIX pax(1); tar(5) of libarchive describes all).</summary>
/// <param name="Type">The type flag: '0' file, '5' directory, 'x' extended header, ...</param>
/// <param name="Gnu">GNU's dialect: no path prefix, but sparse maps in its place.</param>
internal readonly record struct TarHeader(
    KernelPath Path, KernelPath LinkPath, char Type, bool Gnu, long Mode, long Uid, long Gid, long Size, long Modified, long Major, long Minor)
{
    public const int BlockSize = 512;

    /// <returns>Null for a block of zeros, which marks the end.</returns>
    /// <exception cref="ImageFormatException">Wrong checksum, or a number that is none.</exception>
    public static TarHeader? Parse(ReadOnlySpan<byte> block)
    {
        if (block.IndexOfAnyExcept((byte)0) < 0) return null;
        CheckSum(block);
        bool gnu = block.Slice(257, 8).SequenceEqual("ustar  \0"u8), ustar = block.Slice(257, 6).SequenceEqual("ustar\0"u8);
        ReadOnlySpan<byte> name = Text(block[..100]), prefix = ustar ? Text(block.Slice(345, 155)) : [];
        bool devices = gnu || ustar;
        return new(
            prefix.IsEmpty ? new(name) : new([.. prefix, (byte)'/', .. name]),
            new(Text(block.Slice(157, 100))),
            block[156] == 0 ? '0' : (char)block[156],
            gnu,
            Number(block.Slice(100, 8), "mode"), Number(block.Slice(108, 8), "uid"), Number(block.Slice(116, 8), "gid"),
            Number(block.Slice(124, 12), "size"), Number(block.Slice(136, 12), "mtime"),
            devices ? Number(block.Slice(329, 8), "device") : 0, devices ? Number(block.Slice(337, 8), "device") : 0);
    }

    /// <summary>Octal digits between blanks and NULs, or (high bit set) a two's complement number in base 256.</summary>
    public static long Number(ReadOnlySpan<byte> field, string what)
    {
        if ((field[0] & 0x80) != 0)
        {
            // The bits beyond 64 only repeat the sign in any number that fits.
            bool negative = (field[0] & 0x40) != 0;
            long value = negative ? -1 : 0;
            for (int i = 0; i < field.Length; i++)
            {
                byte digit = i > 0 ? field[i] : negative ? (byte)(field[i] | 0x80) : (byte)(field[i] & 0x7f);
                if (value is > long.MaxValue >> 8 or < long.MinValue >> 8) throw new ImageFormatException($"tar header: {what} is too large");
                value = value << 8 | digit;
            }
            return value;
        }
        ReadOnlySpan<byte> digits = field.Trim(" \0"u8);
        // Some writers leave garbage behind a terminated number.
        int end = digits.IndexOfAny((byte)0, (byte)' ');
        if (end >= 0) digits = digits[..end];
        long number = 0;
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7') throw new ImageFormatException($"tar header: {what} is no octal number");
            if (number > long.MaxValue >> 3) throw new ImageFormatException($"tar header: {what} is too large");
            number = number << 3 | (uint)(digit - '0');
        }
        return number;
    }

    private static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return end < 0 ? field : field[..end];
    }

    private static void CheckSum(ReadOnlySpan<byte> block)
    {
        const int start = 148, length = 8;
        long sum = length * ' ', signed = sum;
        for (int i = 0; i < BlockSize; i++)
        {
            if (i is >= start and < start + length) continue;
            sum += block[i];
            signed += (sbyte)block[i];
        }
        // Old writers summed signed bytes.
        long stored = Number(block.Slice(start, length), "checksum");
        if (stored != sum && stored != signed) throw new ImageFormatException("tar header: wrong checksum; the archive is damaged or no tar");
    }
}
