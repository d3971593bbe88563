using System.Buffers;
using System.Buffers.Binary;

namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>
/// The receiving end of one zlib stream (RFC 1950, 1951) with SPDY's dictionary, fed piece by piece: all header blocks of a
/// connection are one stream. The class library's own has no dictionaries. Every step is undone when its bits have not all
/// come yet, so a piece may end anywhere.
/// </summary>
internal sealed class Inflater
{
    private const int WindowSize = 32 * 1024, HeaderBytes = 2, DictionaryIdBytes = 4, LengthSymbols = 29, DistanceSymbols = 30, EndOfBlock = 256;

    private static readonly ushort[] LengthBases = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
    private static readonly byte[] LengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    private static readonly ushort[] DistanceBases =
        [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
    private static readonly byte[] CodeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    private static readonly HuffmanTable FixedSymbols = new([.. Enumerable.Range(0, 288).Select(i => (byte)(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))]);
    private static readonly HuffmanTable FixedDistances = new([.. Enumerable.Repeat((byte)5, 32)]);

    private readonly byte[] _window = new byte[WindowSize];
    private byte[] _pending = [];
    private int _written, _position, _storedLeft;
    private State _state = State.StreamHeader;
    private bool _lastBlock;
    private HuffmanTable _symbols = FixedSymbols, _distances = FixedDistances;

    private enum State { StreamHeader, BlockHeader, Stored, Symbols, Ended }

    /// <summary>Appends what the piece stands for.</summary>
    /// <param name="limit">Of bytes in <paramref name="output"/>: some dozen bytes may stand for any number.</param>
    /// <exception cref="SpdyException">The stream is damaged, names another dictionary, or says too much.</exception>
    public void Inflate(ReadOnlySpan<byte> piece, ArrayBufferWriter<byte> output, int limit)
    {
        byte[] bytes = [.. _pending, .. piece];
        BitCursor bits = new(bytes, _position);
        while (true)
        {
            BitCursor attempt = bits;
            if (!Step(ref attempt, output)) break;
            bits = attempt;
            if (output.WrittenCount > limit) throw new SpdyException($"headers of more than {limit} bytes");
        }
        int whole = bits.Position / 8;
        _pending = bytes[whole..];
        _position = bits.Position - whole * 8;
    }

    /// <returns>False when more bits are needed; what was taken counts for nothing then.</returns>
    private bool Step(ref BitCursor bits, ArrayBufferWriter<byte> output) => _state switch
    {
        State.StreamHeader => StreamHeader(ref bits),
        State.BlockHeader => BlockHeader(ref bits),
        State.Stored => Stored(ref bits, output),
        State.Symbols => Symbol(ref bits, output),
        _ => bits.BytesLeft == 0 ? false : throw new SpdyException("headers behind the end of their compressed stream"),
    };

    private bool StreamHeader(ref BitCursor bits)
    {
        const int deflate = 8, withDictionary = 0x20;
        if (bits.BytesLeft < HeaderBytes) return false;
        ReadOnlySpan<byte> header = bits.TakeBytes(HeaderBytes);
        if ((header[0] & 0x0f) != deflate || BinaryPrimitives.ReadUInt16BigEndian(header) % 31 != 0) throw new SpdyException("headers that are no zlib stream");
        if ((header[1] & withDictionary) != 0)
        {
            if (bits.BytesLeft < DictionaryIdBytes) return false;
            if (BinaryPrimitives.ReadUInt32BigEndian(bits.TakeBytes(DictionaryIdBytes)) != SpdyDictionary.Id) throw new SpdyException("headers compressed with an unknown dictionary");
            foreach (byte b in SpdyDictionary.Bytes) Remember(b);
        }
        _state = State.BlockHeader;
        return true;
    }

    private bool BlockHeader(ref BitCursor bits)
    {
        if (!bits.TryTake(1, out int last) || !bits.TryTake(2, out int kind)) return false;
        switch (kind)
        {
            case 0:
                bits.SkipToByte();
                if (bits.BytesLeft < 4) return false;
                ReadOnlySpan<byte> lengths = bits.TakeBytes(4);
                int length = BinaryPrimitives.ReadUInt16LittleEndian(lengths);
                if (length != (ushort)~BinaryPrimitives.ReadUInt16LittleEndian(lengths[2..])) throw new SpdyException("a damaged stored block in compressed headers");
                (_storedLeft, _state) = (length, State.Stored);
                break;
            case 1:
                (_symbols, _distances, _state) = (FixedSymbols, FixedDistances, State.Symbols);
                break;
            case 2:
                if (Tables(ref bits) is not (var symbols, var distances)) return false;
                (_symbols, _distances, _state) = (symbols, distances, State.Symbols);
                break;
            default:
                throw new SpdyException("an unknown block in compressed headers");
        }
        _lastBlock = last == 1;
        if (kind == 0 && _storedLeft == 0) EndBlock();
        return true;
    }

    private bool Stored(ref BitCursor bits, ArrayBufferWriter<byte> output)
    {
        int count = Math.Min(_storedLeft, bits.BytesLeft);
        if (count == 0) return false;
        foreach (byte b in bits.TakeBytes(count)) Say(b, output);
        if ((_storedLeft -= count) == 0) EndBlock();
        return true;
    }

    private bool Symbol(ref BitCursor bits, ArrayBufferWriter<byte> output)
    {
        int symbol = _symbols.Decode(ref bits);
        if (symbol < 0) return false;
        if (symbol < EndOfBlock)
        {
            Say((byte)symbol, output);
            return true;
        }
        if (symbol == EndOfBlock)
        {
            EndBlock();
            return true;
        }
        int which = symbol - EndOfBlock - 1;
        if (which >= LengthSymbols) throw new SpdyException("an impossible length in compressed headers");
        if (!bits.TryTake(LengthBits[which], out int more)) return false;
        int length = LengthBases[which] + more, where = _distances.Decode(ref bits);
        if (where < 0) return false;
        if (where >= DistanceSymbols) throw new SpdyException("an impossible distance in compressed headers");
        if (!bits.TryTake(Math.Max(0, where / 2 - 1), out int further)) return false;
        int distance = DistanceBases[where] + further;
        if (distance > Math.Min(_written, WindowSize)) throw new SpdyException("compressed headers that refer to what never was");
        for (; length > 0; length--) Say(_window[(_written - distance) & (WindowSize - 1)], output);
        return true;
    }

    /// <returns>Null when more bits are needed.</returns>
    private static (HuffmanTable Symbols, HuffmanTable Distances)? Tables(ref BitCursor bits)
    {
        const int mostSymbols = 286, mostDistances = 30;
        if (!bits.TryTake(5, out int literals) || !bits.TryTake(5, out int distances) || !bits.TryTake(4, out int codes)) return null;
        (literals, distances, codes) = (literals + 257, distances + 1, codes + 4);
        if (literals > mostSymbols || distances > mostDistances) throw new SpdyException("too many codes in compressed headers");
        Span<byte> lengths = stackalloc byte[mostSymbols + mostDistances];
        Span<byte> ofCodes = stackalloc byte[CodeLengthOrder.Length];
        ofCodes.Clear();
        for (int i = 0; i < codes; i++)
        {
            if (!bits.TryTake(3, out int length)) return null;
            ofCodes[CodeLengthOrder[i]] = (byte)length;
        }
        HuffmanTable table = new(ofCodes);
        for (int i = 0; i < literals + distances;)
        {
            int symbol = table.Decode(ref bits);
            if (symbol < 0) return null;
            if (symbol < 16)
            {
                lengths[i++] = (byte)symbol;
                continue;
            }
            (int extra, int least) = symbol switch { 16 => (2, 3), 17 => (3, 3), _ => (7, 11) };
            if (!bits.TryTake(extra, out int more)) return null;
            int times = least + more;
            if (i + times > literals + distances || (symbol == 16 && i == 0)) throw new SpdyException("impossible repetitions in compressed headers");
            lengths.Slice(i, times).Fill(symbol == 16 ? lengths[i - 1] : (byte)0);
            i += times;
        }
        return (new(lengths[..literals]), new(lengths.Slice(literals, distances)));
    }

    private void EndBlock() => _state = _lastBlock ? State.Ended : State.BlockHeader;

    private void Say(byte b, ArrayBufferWriter<byte> output)
    {
        output.GetSpan(1)[0] = b;
        output.Advance(1);
        Remember(b);
    }

    private void Remember(byte b)
    {
        _window[_written & (WindowSize - 1)] = b;
        // Counts on as far as a distance reaches, then keeps its place in the window.
        _written = _written == int.MaxValue ? WindowSize + (_written & (WindowSize - 1)) + 1 : _written + 1;
    }
}
