namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>A canonical Huffman code of DEFLATE (RFC 1951, 3.2.2): how many codes there are of each length, and their symbols in order.</summary>
internal sealed class HuffmanTable
{
    public const int LongestCode = 15;

    private readonly ushort[] _counts = new ushort[LongestCode + 1];
    private readonly ushort[] _symbols;

    /// <param name="lengths">Bits of each symbol's code; 0: the symbol does not occur.</param>
    /// <exception cref="SpdyException">More codes than there are, or fewer while there is more than one.</exception>
    public HuffmanTable(ReadOnlySpan<byte> lengths)
    {
        foreach (byte length in lengths) _counts[length]++;
        int used = lengths.Length - _counts[0], left = 1;
        _counts[0] = 0;
        for (int length = 1; length <= LongestCode; length++)
        {
            left = (left << 1) - _counts[length];
            if (left < 0) throw new SpdyException("a compressed header with an impossible code");
        }
        if (left > 0 && used > 1) throw new SpdyException("a compressed header with an incomplete code");

        Span<int> next = stackalloc int[LongestCode + 2];
        for (int length = 1; length <= LongestCode; length++) next[length + 1] = next[length] + _counts[length];
        _symbols = new ushort[used];
        for (int symbol = 0; symbol < lengths.Length; symbol++)
            if (lengths[symbol] != 0) _symbols[next[lengths[symbol]]++] = (ushort)symbol;
    }

    /// <returns>The next symbol, or -1 when the bits do not suffice; whoever asked puts them back then.</returns>
    /// <exception cref="SpdyException">No symbol has such a code.</exception>
    public int Decode(ref BitCursor bits)
    {
        int code = 0, first = 0, index = 0;
        for (int length = 1; length <= LongestCode; length++)
        {
            if (!bits.TryTake(1, out int bit)) return -1;
            code |= bit;
            int count = _counts[length];
            if (code - first < count) return _symbols[index + code - first];
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        throw new SpdyException("a compressed header with an unknown code");
    }
}

/// <summary>Reads bits from the low end of each byte. A copy remembers a place to go back to.</summary>
internal ref struct BitCursor(ReadOnlySpan<byte> bytes, int position)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>In bits from the beginning.</summary>
    public int Position { get; private set; } = position;

    public readonly int BytesLeft => _bytes.Length - (Position + 7) / 8;

    public bool TryTake(int count, out int value)
    {
        value = 0;
        if (Position + count > _bytes.Length * 8) return false;
        for (int i = 0; i < count; i++, Position++) value |= (_bytes[Position >> 3] >> (Position & 7) & 1) << i;
        return true;
    }

    public void SkipToByte() => Position = (Position + 7) & ~7;

    /// <summary>Whole bytes; only after <see cref="SkipToByte"/>.</summary>
    public ReadOnlySpan<byte> TakeBytes(int count)
    {
        ReadOnlySpan<byte> taken = _bytes.Slice(Position >> 3, count);
        Position += count * 8;
        return taken;
    }
}
