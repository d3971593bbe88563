using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>Names and values of a stream. Each direction of a connection has one that lives as long as it: the compressed blocks refer back.</summary>
internal sealed class HeaderBlock
{
    public const int MostNames = 64, LargestBlock = 64 * 1024;

    private readonly Inflater _inflater = new();

    /// <exception cref="SpdyException">Damaged, too large, a name twice, or a name with upper-case letters.</exception>
    public ImmutableDictionary<string, string> Read(ReadOnlySpan<byte> compressed)
    {
        ArrayBufferWriter<byte> plain = new();
        _inflater.Inflate(compressed, plain, LargestBlock);
        return Parse(plain.WrittenSpan);
    }

    internal static ImmutableDictionary<string, string> Parse(ReadOnlySpan<byte> block)
    {
        int count = Number(ref block);
        if (count > MostNames) throw new SpdyException($"{count} headers, at most {MostNames} are possible");
        ImmutableDictionary<string, string>.Builder headers = ImmutableDictionary.CreateBuilder<string, string>();
        for (int i = 0; i < count; i++)
        {
            string name = Text(ref block), value = Text(ref block);
            if (name.Length == 0 || name.AsSpan().ContainsAnyInRange('A', 'Z')) throw new SpdyException("a header whose name is empty or has upper-case letters");
            // Several values of one name are separated by NUL; nobody here asks for more than the first.
            if (!headers.TryAdd(name, value.Split('\0')[0])) throw new SpdyException($"the header {name} twice");
        }
        return block.IsEmpty ? headers.ToImmutable() : throw new SpdyException("bytes behind the last header");
    }

    private static int Number(ref ReadOnlySpan<byte> from)
    {
        if (from.Length < 4) throw new SpdyException("headers that end too early");
        uint number = BinaryPrimitives.ReadUInt32BigEndian(from);
        from = from[4..];
        return number <= LargestBlock ? (int)number : throw new SpdyException("a header of impossible length");
    }

    private static string Text(ref ReadOnlySpan<byte> from)
    {
        int length = Number(ref from);
        if (length > from.Length) throw new SpdyException("headers that end too early");
        string text = Encoding.UTF8.GetString(from[..length]);
        from = from[length..];
        return text;
    }
}

/// <summary>
/// The header blocks that this side sends: of replies, which have no headers. They are not compressed, only dressed as blocks
/// of a zlib stream; the empty block behind each tells the reader that it has everything.
/// </summary>
internal sealed class EmptyHeaderBlocks
{
    private static readonly byte[] StreamHeader = [0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2];
    private static readonly byte[] NoHeaders = [0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

    private bool _begun;

    public byte[] Next()
    {
        if (_begun) return NoHeaders;
        _begun = true;
        return [.. StreamHeader, .. NoHeaders];
    }
}
