using System.Formats.Tar;
using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime.Images.Layers;
using TarEntry = NativeKubelet.Runtime.Images.Layers.TarEntry;
using TarReader = NativeKubelet.Runtime.Images.Layers.TarReader;

namespace NativeKubelet.Tests.Unit.Runtime.Images;

public sealed class TarReaderTests
{
    private static readonly LayerLimits Small = LayerLimits.Default with { Entries = 100, Bytes = 1 << 20, HeaderBytes = 64 * 1024 };

    [Fact]
    public void Files_links_and_devices_are_read_with_what_describes_them()
    {
        byte[] archive = new TarBytes()
            .Add("bin/", '5')
            .Add("bin/busybox", content: "program")
            .Add("bin/sh", '2', link: "busybox")
            .Add("bin/cat", '1', link: "bin/busybox")
            .Add("dev/null", '3', change: b => { b[335] = (byte)'1'; b[343] = (byte)'3'; })
            .End();

        List<(TarEntry Entry, string Content)> read = Read(archive);

        Assert.Equal(
            [("bin/", TarKind.Directory, "", ""), ("bin/busybox", TarKind.File, "", "program"), ("bin/sh", TarKind.SymbolicLink, "busybox", ""),
                ("bin/cat", TarKind.HardLink, "bin/busybox", ""), ("dev/null", TarKind.CharacterDevice, "", "")],
            read.Select(r => (r.Entry.Path.ToString(), r.Entry.Kind, r.Entry.LinkPath.ToString(), r.Content)));
        Assert.Equal((1u, 3u), (read[4].Entry.Major, read[4].Entry.Minor));
        Assert.Equal(0x1A4u, read[1].Entry.Permissions);
    }

    [Theory]
    [InlineData(TarEntryFormat.V7)]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.Pax)]
    public void Every_dialect_of_another_writer_is_read(TarEntryFormat format)
    {
        string name = format is TarEntryFormat.V7 ? "short" : format is TarEntryFormat.Ustar ? $"{new string('d', 90)}/{new string('f', 80)}" : new string('n', 300);
        using MemoryStream archive = new();
        using (TarWriter writer = new(archive, format, leaveOpen: true))
        {
            System.Formats.Tar.TarEntry entry = format switch
            {
                TarEntryFormat.V7 => new V7TarEntry(TarEntryType.V7RegularFile, name),
                TarEntryFormat.Ustar => new UstarTarEntry(TarEntryType.RegularFile, name),
                TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, name),
                _ => new PaxTarEntry(TarEntryType.RegularFile, name),
            };
            entry.DataStream = new MemoryStream(Encoding.ASCII.GetBytes(new string('x', 70_000)));
            entry.Uid = 1000;
            entry.ModificationTime = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
            writer.WriteEntry(entry);
        }

        (TarEntry read, string content) = Assert.Single(Read(archive.ToArray()));

        Assert.Equal(name, read.Path.ToString());
        Assert.Equal((70_000L, 1000u, 1_700_000_000L), (read.Size, read.Uid, read.Modified.Seconds));
        Assert.Equal(new string('x', 70_000), content);
    }

    [Fact]
    public void Extended_headers_win_over_global_ones_and_both_over_the_header()
    {
        byte[] archive = new TarBytes()
            .GlobalPax("uid=5", "gid=6", "SCHILY.xattr.user.a=global", "SCHILY.xattr.user.b=global")
            .Pax("uid=7", "path=real", "mtime=-1.25", "SCHILY.xattr.user.a=own", "linkpath=ignored for files")
            .Add("shown", content: "c")
            .Add("second")
            .End();

        List<(TarEntry Entry, string)> read = Read(archive);

        TarEntry first = read[0].Entry;
        Assert.Equal(("real", 7u, 6u), (first.Path.ToString(), first.Uid, first.Gid));
        Assert.Equal(new FileTime(-2, 750_000_000), first.Modified);
        Assert.Equal(["user.b=global", "user.a=own"], first.Attributes.Select(a => $"{a.Key}={Encoding.ASCII.GetString(a.Value)}"));
        Assert.Equal(("second", 5u), (read[1].Entry.Path.ToString(), read[1].Entry.Uid));
    }

    [Fact]
    public void Numbers_in_base_256_are_read()
    {
        byte[] archive = new TarBytes().Add("big", change: b => { b.AsSpan(108, 8).Clear(); b[108] = 0x80; b[112] = 0x7f; b[113] = b[114] = b[115] = 0xff; }).End();

        Assert.Equal(0x7fffffffu, Assert.Single(Read(archive)).Entry.Uid);
    }

    [Theory]
    [InlineData("0.0")]
    [InlineData("0.1")]
    [InlineData("1.0")]
    [InlineData("old")]
    public void All_forms_of_sparse_files_tell_the_same_pieces(string form)
    {
        TarBytes tar = new();
        if (form == "0.0") tar.Pax("GNU.sparse.size=4096", "GNU.sparse.numblocks=2", "GNU.sparse.offset=0", "GNU.sparse.numbytes=2", "GNU.sparse.offset=1024", "GNU.sparse.numbytes=3").Add("s", content: "abcde");
        if (form == "0.1") tar.Pax("GNU.sparse.size=4096", "GNU.sparse.name=s", "GNU.sparse.map=0,2,1024,3").Add("GNUSparseFile.0/s", content: "abcde");
        if (form == "1.0") tar.Pax("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=s", "GNU.sparse.realsize=4096").Add("x", content: "2\n0\n2\n1024\n3\n".PadRight(512, '\0') + "abcde");
        if (form == "old")
            tar.Add("s", 'S', "abcde", magic: "ustar  \0", change: b =>
            {
                Encoding.ASCII.GetBytes("00000000000\000000000002\0" + "00000002000\000000000003\0").CopyTo(b, 386);
                Encoding.ASCII.GetBytes("00000010000\0").CopyTo(b, 483);
            });
        tar.Add("after");

        List<(TarEntry Entry, string Content)> read = Read(tar.End());

        Assert.Equal(["s", "after"], read.Select(r => r.Entry.Path.ToString()));
        Assert.Equal([new SparsePiece(0, 2), new SparsePiece(1024, 3)], read[0].Entry.Sparse);
        Assert.Equal((4096L, "abcde"), (read[0].Entry.Size, read[0].Content));
    }

    [Fact]
    public void Old_sparse_maps_go_on_in_further_blocks()
    {
        byte[] more = new byte[512];
        byte[] header = TarBytes.Header("s", 'S', 11, magic: "ustar  \0", change: b =>
        {
            for (int i = 0; i < 4; i++) Encoding.ASCII.GetBytes($"0000000{i}000\000000000002\0").CopyTo(b, 386 + 24 * i);
            Encoding.ASCII.GetBytes("00000010000\0").CopyTo(b, 483);
            b[482] = 1;
        });
        Encoding.ASCII.GetBytes("00000005000\000000000003\0").CopyTo(more, 0);
        byte[] archive = new TarBytes().Raw(header).Raw(more).Raw("aabbccddeee"u8.ToArray()).Pad().Add("after").End();

        List<(TarEntry Entry, string Content)> read = Read(archive);

        Assert.Equal(5, read[0].Entry.Sparse.Length);
        Assert.Equal("aabbccddeee", read[0].Content);
        Assert.Equal("after", read[1].Entry.Path.ToString());
    }

    [Fact]
    public void An_archive_without_its_final_blocks_is_whole() =>
        Assert.Single(Read(new TarBytes().Add("a", content: "x").WithoutEnd()));

    [Fact]
    public void What_follows_the_end_is_read_for_the_digest()
    {
        byte[] archive = [.. new TarBytes().Add("a").End(), .. new byte[100_000]];
        using TarReader reader = new(new MemoryStream(archive), Small);

        while (reader.Next() is not null) { }
        reader.Drain();

        Assert.Equal(archive.Length, reader.Position);
    }

    public static TheoryData<string, byte[]> Broken => new()
    {
        { "checksum", [.. TarBytes.Header("a", '0', fixSum: false), .. new byte[1024]] },
        { "garbage", Enumerable.Range(0, 2048).Select(i => (byte)(i * 7)).ToArray() },
        { "half a header", TarBytes.Header("a", '0')[..300] },
        { "half the content", [.. TarBytes.Header("a", '0', 1000), .. new byte[100]] },
        { "negative size", new TarBytes().Add("a", change: b => b.AsSpan(124, 12).Fill(0xff)).End() },
        { "huge size in base 256", new TarBytes().Add("a", change: b => { b[124] = 0x80; b.AsSpan(125, 11).Fill(0x7f); }).End() },
        { "huge size", new TarBytes().Pax("size=9223372036854775807").Add("a").End() },
        { "no digits", new TarBytes().Add("a", change: b => b[126] = (byte)'9').End() },
        { "endless extended header", [.. TarBytes.Header("x", 'x', 70_000), .. new byte[70_000 / 512 * 512 + 512]] },
        { "pax without length", new TarBytes().Add("x", 'x', "path=a\n").Add("a").End() },
        { "pax length beyond its data", new TarBytes().Add("x", 'x', "99 path=a\n").Add("a").End() },
        { "pax length too short", new TarBytes().Add("x", 'x', "2 path=a\n").Add("a").End() },
        { "pax without key", new TarBytes().Add("x", 'x', "6 =ab\n").Add("a").End() },
        { "pax uid that is none", new TarBytes().Pax("uid=abc").Add("a").End() },
        { "pax uid that means no change", new TarBytes().Pax("uid=4294967295").Add("a").End() },
        { "pax uid beyond 32 bits", new TarBytes().Pax("uid=4294967296").Add("a").End() },
        { "pax path with NUL", new TarBytes().Pax("path=a\0b").Add("a").End() },
        { "pax time that is none", new TarBytes().Pax("mtime=1.x").Add("a").End() },
        { "sparse pieces that overlap", new TarBytes().Pax("GNU.sparse.size=10", "GNU.sparse.map=0,4,2,4").Add("a", content: "12345678").End() },
        { "sparse piece beyond the file", new TarBytes().Pax("GNU.sparse.size=10", "GNU.sparse.map=8,4").Add("a", content: "1234").End() },
        { "sparse offset that overflows", new TarBytes().Pax("GNU.sparse.size=10", "GNU.sparse.map=9223372036854775807,4").Add("a", content: "1234").End() },
        { "sparse file beyond all limits", new TarBytes().Pax("GNU.sparse.size=9223372036854775807", "GNU.sparse.map=0,4").Add("a", content: "1234").End() },
        { "sparse map without lengths", new TarBytes().Pax("GNU.sparse.size=10", "GNU.sparse.map=1").Add("a", content: "1").End() },
        { "sparse map that ends", new TarBytes().Pax("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=9").Add("a", content: "5\n1\n").End() },
        { "sparse map without end of line", new TarBytes().Pax("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=9").Add("a", content: new string('1', 512)).End() },
        { "sparse map of billions", new TarBytes().Pax("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=9").Add("a", content: "9999999999\n").End() },
        { "only descriptions", new TarBytes().Raw(Enumerable.Range(0, 200).SelectMany(_ => TarBytes.Header("x", 'x')).ToArray()).End() },
        { "old sparse map that goes on beyond the end", new TarBytes().Add("s", 'S', magic: "ustar  \0", change: b => { b[386] = (byte)'0'; b.AsSpan(387, 95).Fill((byte)'0'); b[482] = 1; }).WithoutEnd() },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_broken_archive_is_refused_in_words(string what, byte[] archive)
    {
        ImageFormatException failure = Assert.Throws<ImageFormatException>(() => Read(archive));

        Assert.False(string.IsNullOrWhiteSpace(failure.Message), what);
    }

    [Fact]
    public void Changed_bytes_never_do_more_than_fail()
    {
        byte[] whole = new TarBytes().GlobalPax("uid=5").Pax("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=4096")
            .Add("x", content: "1\n0\n5\n".PadRight(512, '\0') + "abcde").Add("long", 'L', new string('n', 200)).Add("a", content: "content").End();
        Random random = new(42);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] changed = [.. whole];
            for (int i = random.Next(1, 6); i > 0; i--) changed[random.Next(changed.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0) changed = changed[..random.Next(changed.Length)];
            try
            {
                Read(changed, repairSums: true);
            }
            catch (ImageFormatException)
            {
                // The only way in which it may fail.
            }
        }
    }

    private static List<(TarEntry Entry, string Content)> Read(byte[] archive, bool repairSums = false)
    {
        if (repairSums)
            for (int at = 0; at + 512 <= archive.Length; at += 512)
            {
                Span<byte> block = archive.AsSpan(at, 512);
                if (!block.Slice(257, 5).SequenceEqual("ustar"u8)) continue;
                block.Slice(148, 8).Fill((byte)' ');
                int sum = 0;
                foreach (byte b in block) sum += b;
                Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0").CopyTo(block[148..]);
            }
        // A stream that gives little at a time finds every place that counts on much.
        using TarReader reader = new(new Dribble(archive), Small);
        List<(TarEntry, string)> read = [];
        while (reader.Next() is { } entry)
        {
            StringBuilder content = new();
            for (ReadOnlySpan<byte> data = reader.Read(); !data.IsEmpty; data = reader.Read()) content.Append(Encoding.Latin1.GetString(data));
            read.Add((entry, content.ToString()));
        }
        return read;
    }

    private sealed class Dribble(byte[] data) : MemoryStream(data)
    {
        public override bool CanSeek => false;

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 100));
    }
}
