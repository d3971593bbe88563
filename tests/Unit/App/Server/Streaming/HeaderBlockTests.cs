using System.Buffers;
using System.IO.Compression;
using System.Text;
using NativeKubelet.Server.Streaming.Spdy;

namespace NativeKubelet.Tests.Unit.App.Server.Streaming;

public sealed class HeaderBlockTests
{
    // Three blocks of one zlib stream with SPDY's dictionary, as zlib itself writes them: error; stdout; a port's data.
    public static TheoryData<string, string[]> Blocks => new()
    {
        { "matches and a sync flush", ["78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff", "c22a054ccc29f9a52500000000ffff", "02a55548b15d04ce2116061606409ab30812cd99a0e4cf6880a11b54462502000000ffff"] },
        { "stored", ["783fe3c6a7c2001b00e4ff000000010000000a73747265616d74797065000000056572726f72000000ffff", "001c00e3ff000000010000000a73747265616d74797065000000067374646f7574000000ffff", "003c00c3ff0000000300000004706f727400000004383038300000000972657175657374696400000001300000000a73747265616d747970650000000464617461000000ffff"] },
        { "literals and own codes", ["783fe3c6a7c262606060646060e02a2e294a4dcc2da92c48656060604d2d2aca2f02000000ffff", "62606060646060e02a2e294a4dcc2da92c48656060602b2e49c92f2d01000000ffff", "04c1b10d80300c45c1877003d3b8cc3a96e2820291389f82edb90376c0c65302ac7973e0a89c6f2e5d1dd81c38972ae3d63712b01e8a1f0000ffff"] },
        { "a partial flush, which ends within a byte", ["783fe3c6a7c202a62346703a2b294a4dcc851625aca9a0800608", "20ac52c0c49c925f5a0210", "40a0b40a29b68bc039c4c2c0c20048731641a2391394fc190d307483caa8448000"] },
    };

    [Theory]
    [MemberData(nameof(Blocks))]
    public void Blocks_of_one_stream_are_read_whatever_their_compression(string how, string[] blocks)
    {
        HeaderBlock headers = new();

        var read = blocks.Select(b => headers.Read(Convert.FromHexString(b))).ToArray();

        Assert.NotEmpty(how);
        Assert.Equal("error", read[0]["streamtype"]);
        Assert.Equal("stdout", read[1]["streamtype"]);
        Assert.Equal(("8080", "0", "data"), (read[2]["port"], read[2]["requestid"], read[2]["streamtype"]));
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public void A_stream_may_come_in_pieces_of_any_size(string how, string[] blocks)
    {
        byte[] whole = [.. blocks.SelectMany(Convert.FromHexString)];
        Inflater atOnce = new(), byByte = new();
        ArrayBufferWriter<byte> expected = new(), actual = new();

        atOnce.Inflate(whole, expected, 4096);
        foreach (byte b in whole) byByte.Inflate([b], actual, 4096);

        Assert.NotEmpty(how);
        Assert.True(expected.WrittenCount > 100);
        Assert.Equal(expected.WrittenSpan, actual.WrittenSpan);
    }

    [Theory]
    [InlineData(CompressionLevel.SmallestSize)]
    [InlineData(CompressionLevel.Fastest)]
    [InlineData(CompressionLevel.NoCompression)]
    public void What_zlib_compresses_comes_out_again(CompressionLevel level)
    {
        Random random = new(7);
        byte[] data = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(random.Next(4) == 0 ? random.Next(256) : 'a' + i / 97 % 20))];
        using MemoryStream compressed = new();
        using (ZLibStream zlib = new(compressed, level, leaveOpen: true)) zlib.Write(data);
        ArrayBufferWriter<byte> output = new();

        // Without the check sum, which ends a stream that header blocks never end.
        new Inflater().Inflate(compressed.ToArray().AsSpan(..^4), output, data.Length);

        Assert.Equal(data, output.WrittenSpan);
    }

    [Fact]
    public void A_small_block_that_stands_for_a_large_one_is_refused()
    {
        using MemoryStream compressed = new();
        using (ZLibStream zlib = new(compressed, CompressionLevel.SmallestSize, leaveOpen: true)) zlib.Write(new byte[16 << 20]);

        SpdyException refusal = Assert.Throws<SpdyException>(() => new HeaderBlock().Read(compressed.ToArray()));

        Assert.Contains("more than 65536 bytes", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ffff", "no zlib stream")]
    [InlineData("78bb11111111", "unknown dictionary")]
    [InlineData("78bbe3c6a7c2070000", "unknown block")]
    [InlineData("78bbe3c6a7c2000100ffff", "damaged stored block")]
    [InlineData("78bbe3c6a7c2000400fbff00000041000000ffff", "65 headers")]
    [InlineData("78bbe3c6a7c2000400fbff00000001000000ffff", "too early")]
    [InlineData("78bbe3c6a7c2000500faff0000000000000000ffff", "behind the last header")]
    [InlineData("78bbe3c6a7c2001100eeff00000001000000014100000004" + "61626364000000ffff", "upper-case")]
    public void Damaged_blocks_are_refused(string block, string why)
    {
        SpdyException refusal = Assert.Throws<SpdyException>(() => new HeaderBlock().Read(Convert.FromHexString(block)));

        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_to_what_never_was_is_refused()
    {
        // A fixed block without dictionary whose first symbol is a match of length 3 at distance 1.
        Assert.Throws<SpdyException>(() => new Inflater().Inflate(Convert.FromHexString("789c0302"), new ArrayBufferWriter<byte>(), 100));
    }

    [Fact]
    public void The_dictionary_is_the_one_that_its_number_names()
    {
        (uint a, uint b) = (1, 0);
        foreach (byte x in SpdyDictionary.Bytes) (a, b) = ((a + x) % 65521, (b + (a + x) % 65521) % 65521);

        Assert.Equal(SpdyDictionary.Id, b << 16 | a);
        Assert.Equal("\0\0\0\aoptions", Encoding.ASCII.GetString(SpdyDictionary.Bytes, 0, 11));
    }
}
