using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>What the kernel's overlay, and the copy in its stead, show of unpacked layers.</summary>
public sealed class LayerUnpackerTests : IDisposable
{
    private readonly LayerStack _stack = new();

    public static TheoryData<bool> Forms => [true, false];

    private string Merged(bool overlay) => overlay ? _stack.Mount() : _stack.Copy();

    private static string[] Tree(string root) =>
        [.. Directory.GetFileSystemEntries(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Select(p => p[(root.Length + 1)..]).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Forms))]
    public void Removed_names_are_gone_and_the_rest_of_the_directory_stays(bool overlay)
    {
        _stack.Add(new LayerBuilder().Directory("etc/").File("etc/a", "a").File("etc/b", "b").Directory("opt/").File("opt/x"));
        _stack.Add(new LayerBuilder().Whiteout("etc/a").Whiteout("opt").File("etc/c", "c"));

        Assert.Equal(["etc", "etc/b", "etc/c"], Tree(Merged(overlay)));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void An_opaque_directory_shows_its_own_layers_entries_wherever_the_mark_stands(bool overlay)
    {
        _stack.Add(new LayerBuilder().Directory("d/").File("d/old").Directory("e/").File("e/old"));
        _stack.Add(new LayerBuilder().Directory("d/").File("d/before").Opaque("d").File("d/after").Opaque("e").File("e/new"));

        Assert.Equal(["d", "d/after", "d/before", "e", "e/new"], Tree(Merged(overlay)));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void An_entry_wins_over_a_whiteout_of_its_name_in_the_same_layer(bool overlay)
    {
        _stack.Add(new LayerBuilder().File("first", "old").File("second", "old").Directory("dir/").File("dir/old").Directory("gone/").File("gone/old")
            .Directory("late/").File("late/old"));
        _stack.Add(new LayerBuilder()
            .Whiteout("first").File("first", "new").File("second", "new").Whiteout("second")
            .Whiteout("dir").Directory("dir/").File("dir/new").Whiteout("gone").File("gone/implied")
            .Directory("late/").File("late/new").Whiteout("late"));

        string merged = Merged(overlay);

        Assert.Equal(["dir", "dir/new", "first", "gone", "gone/implied", "late", "late/new", "second"], Tree(merged));
        Assert.Equal("newnew", File.ReadAllText(Path.Combine(merged, "first")) + File.ReadAllText(Path.Combine(merged, "second")));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void An_opaque_root_hides_all_layers_below(bool overlay)
    {
        _stack.Add(new LayerBuilder().File("old"));
        Assert.True(_stack.Add(new LayerBuilder().Opaque("").File("new")).HidesLowers);
        _stack.Add(new LayerBuilder().File("newer"));

        Assert.Equal(["new", "newer"], Tree(Merged(overlay)));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Files_and_directories_take_one_anothers_place(bool overlay)
    {
        _stack.Add(new LayerBuilder().Directory("a/").File("a/inside").File("b", "file").Symlink("c", "a"));
        _stack.Add(new LayerBuilder().File("a", "now a file").Directory("b/").File("b/inside").Directory("c/").File("c/own"));

        string merged = Merged(overlay);

        Assert.Equal(["a", "b", "b/inside", "c", "c/own"], Tree(merged));
        Assert.Equal("now a file", File.ReadAllText(Path.Combine(merged, "a")));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_hard_link_to_a_lower_layer_is_one_file_with_it(bool overlay)
    {
        _stack.Add(new LayerBuilder().Directory("bin/").File("bin/tool", "tool", (UnixFileMode)0x9ED, uid: 7).Symlink("lib", "bin"));
        _stack.Add(new LayerBuilder().Hardlink("bin/second", "/bin/tool").Hardlink("through-link", "lib/tool"));

        string merged = Merged(overlay);

        using DirectoryHandle bin = DirectoryHandle.Open(Path.Combine(merged, "bin")), root = DirectoryHandle.Open(merged);
        FileStatus second = bin.Status("second");
        Assert.Equal((second.Inode, 3u, 0x9EDu, 7u), (bin.Status("tool").Inode, second.Links, second.Permissions, second.Uid));
        Assert.Equal(second.Inode, root.Status("through-link").Inode);
        Assert.Equal("tool", File.ReadAllText(Path.Combine(merged, "bin/second")));
    }

    [Fact]
    public void A_directory_that_is_only_implied_is_as_the_layers_below_have_it()
    {
        _stack.Add(new LayerBuilder().Directory("./", (UnixFileMode)0x1C9).Directory("tmp/", (UnixFileMode)0x3FF));
        _stack.Add(new LayerBuilder().File("tmp/file").File("new/file"));

        using DirectoryHandle merged = DirectoryHandle.Open(_stack.Mount());

        Assert.Equal(0x3FFu, merged.Status("tmp").Permissions);
        Assert.Equal(1_600_000_000, merged.Status("tmp").Modified.Seconds);
        Assert.Equal(0x1EDu, merged.Status("new").Permissions);
        using DirectoryHandle top = DirectoryHandle.Open(_stack.DirectoryOf(^1));
        Assert.Equal(0x1C9u, top.Status().Permissions);
    }

    [Fact]
    public void An_entry_below_a_lower_layers_link_goes_where_the_link_leads()
    {
        _stack.Add(new LayerBuilder().Directory("usr/").Directory("usr/bin/").Symlink("bin", "usr/bin").Symlink("abs", "/usr/bin"));
        _stack.Add(new LayerBuilder().File("bin/tool", "tool").File("abs/other", "other"));

        string merged = _stack.Mount();

        Assert.Equal(["abs", "bin", "usr", "usr/bin", "usr/bin/other", "usr/bin/tool"],
            Tree(merged).Where(p => !p.StartsWith("bin/", StringComparison.Ordinal) && !p.StartsWith("abs/", StringComparison.Ordinal)));
        Assert.Equal("usr/bin", new FileInfo(Path.Combine(merged, "bin")).LinkTarget);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Owners_setuid_capabilities_and_times_survive(bool overlay)
    {
        // VFS_CAP_REVISION_2, cap_net_raw, effective: what setcap cap_net_raw+ep writes.
        string capability = Encoding.Latin1.GetString([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        _stack.Add(new LayerBuilder().Directory("d/", (UnixFileMode)0x5FD)
            .File("d/su", "x", (UnixFileMode)0x9ED, uid: 1234)
            .File("d/ping", "x", (UnixFileMode)0x1ED, attributes: [("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.note", "hello")]));

        using DirectoryHandle directory = DirectoryHandle.Open(Path.Combine(Merged(overlay), "d"));

        FileStatus su = directory.Status("su");
        Assert.Equal((0x9EDu, 1234u, 1_600_000_000L), (su.Permissions, su.Uid, su.Modified.Seconds));
        Assert.Equal(Encoding.Latin1.GetBytes(capability), directory.TryGetAttribute("ping", "security.capability"));
        Assert.Equal("hello"u8.ToArray(), directory.TryGetAttribute("ping", "user.note"));
        Assert.Equal((0x5FDu, 1_600_000_000L), (directory.Status().Permissions, directory.Status().Modified.Seconds));
    }

    [Fact]
    public void Orders_to_overlayfs_out_of_an_image_are_dropped()
    {
        _stack.Add(new LayerBuilder().Directory("d/", attributes:
            [("SCHILY.xattr.trusted.overlay.opaque", "y"), ("SCHILY.xattr.trusted.overlay.redirect", "/etc"), ("SCHILY.xattr.user.overlay.opaque", "y")]));

        using DirectoryHandle layer = DirectoryHandle.Open(_stack.DirectoryOf(0));

        Assert.DoesNotContain(layer.ListAttributes("d"), a => a.Contains("overlay", StringComparison.Ordinal));
    }

    public static TheoryData<string, LayerBuilder> Escapes(string outside) => new()
    {
        { "a path with ..", new LayerBuilder().File("../outside/secret", "pwned").File("a/../../outside/secret", "pwned") },
        { "an absolute path", new LayerBuilder().File(outside + "/secret", "pwned") },
        { "through a relative link", new LayerBuilder().Symlink("x", "../outside").File("x/secret", "pwned") },
        { "through an absolute link", new LayerBuilder().Symlink("x", outside).File("x/secret", "pwned") },
        { "through a link to a link", new LayerBuilder().Symlink("x", "y").Symlink("y", outside).File("x/secret", "pwned") },
        { "over a link to a file", new LayerBuilder().Symlink("x", outside + "/secret").File("x", "pwned") },
        { "whiteout through a link", new LayerBuilder().Symlink("x", outside).File("x/.wh.secret") },
        { "opaque through a link", new LayerBuilder().Symlink("x", outside).File("x/.wh..wh..opq") },
        { "a directory over a link", new LayerBuilder().Symlink("x", outside).Directory("x/", 0).File("x/secret", "pwned") },
        { "a mode through a link", new LayerBuilder().Symlink("x", outside + "/secret").Directory("x/", (UnixFileMode)0x1FF) },
    };

    [Fact]
    public void No_way_leads_out_of_the_layer()
    {
        foreach (TheoryDataRow<string, LayerBuilder> attack in Escapes(_stack.Outside))
        {
            try
            {
                _stack.Add(attack.Data.Item2);
            }
            catch (ImageFormatException)
            {
                // Refused is as good as kept inside.
            }

            Assert.Equal(["secret"], Tree(_stack.Outside));
            using DirectoryHandle outside = DirectoryHandle.Open(_stack.Outside);
            Assert.Equal("secret", File.ReadAllText(Path.Combine(_stack.Outside, "secret")));
            Assert.Equal((FileKind.Regular, 1u), (outside.Status("secret").Kind, outside.Status("secret").Links));
            Assert.Null(outside.TryGetAttribute(".", LowerLayer.OpaqueAttribute));
        }
    }

    public static TheoryData<string, string> OutsideLinks => new()
    {
        { "../outside/secret", "up" }, { "x/secret", "through a link" }, { "/etc/hostname", "absolute" }, { "missing", "nothing" }, { "", "the root" }, { "d", "a directory" },
    };

    [Theory]
    [MemberData(nameof(OutsideLinks))]
    public void A_hard_link_to_what_the_image_has_not_is_refused(string target, string what)
    {
        LayerBuilder layer = new LayerBuilder().Directory("d/").Symlink("x", _stack.Outside);
        if (target.Length == 0) target = "/";

        ImageFormatException failure = Assert.Throws<ImageFormatException>(() => _stack.Add(layer.Hardlink("link", target)));

        Assert.Contains("link", failure.Message, StringComparison.Ordinal);
        using DirectoryHandle outside = DirectoryHandle.Open(_stack.Outside);
        Assert.True(outside.Status("secret").Links == 1, what);
    }

    public static TheoryData<string, LayerBuilder> Refused => new()
    {
        { ".wh.", new LayerBuilder().File(".wh.") },
        { ".wh..", new LayerBuilder().Directory("d/").File("d/.wh..") },
        { ".wh...", new LayerBuilder().Directory("d/").File("d/.wh...") },
        { "circle", new LayerBuilder().Symlink("a", "b").Symlink("b", "a").File("a/x") },
        { "below a file", new LayerBuilder().File("a").File("a/x") },
        { "too deep", new LayerBuilder().File(string.Concat(Enumerable.Repeat("d/", 300)) + "x") },
        { "name too long", new LayerBuilder().File(new string('n', 256)) },
        { "path too long", new LayerBuilder().File(string.Concat(Enumerable.Repeat(new string('d', 200) + "/", 30))) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_no_file_system_can_hold_is_refused_in_words(string what, LayerBuilder layer) =>
        Assert.False(string.IsNullOrEmpty(Assert.Throws<ImageFormatException>(() => _stack.Add(layer)).Message), what);

    [Fact]
    public void Bombs_are_stopped_while_they_inflate()
    {
        byte[] zeros = new LayerBuilder().File("zeros", new string('\0', 8 << 20)).Gzip();
        LayerBuilder many = new();
        for (int i = 0; i < 2000; i++) many.File($"f{i}");

        _stack.Limits = LayerLimits.Default with { RatioFrom = 1 << 20, Ratio = 100 };
        Assert.Contains("100 times", Assert.Throws<ImageFormatException>(() => _stack.Add(zeros)).Message, StringComparison.Ordinal);
        _stack.Limits = LayerLimits.Default with { Bytes = 1 << 20 };
        Assert.Contains("at most 1048576", Assert.Throws<ImageFormatException>(() => _stack.Add(zeros)).Message, StringComparison.Ordinal);
        _stack.Limits = LayerLimits.Default with { Entries = 1000 };
        Assert.Contains("more than 1000 entries", Assert.Throws<ImageFormatException>(() => _stack.Add(many)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("flipped")]
    [InlineData("bzip2")]
    [InlineData("empty gzip")]
    public void A_damaged_blob_never_passes_for_the_layer(string how)
    {
        LayerBuilder builder = new LayerBuilder().File("a", new string('a', 100_000)).File("b");
        byte[] whole = builder.Gzip();
        string rightful = _stack.Add(whole).DiffHex;
        byte[] damaged = how switch
        {
            "cut" => whole[..(whole.Length / 2)],
            "flipped" => [.. whole[..40], (byte)~whole[40], .. whole[41..]],
            "bzip2" => "BZh91AY&SY"u8.ToArray(),
            _ => [0x1f, 0x8b],
        };

        try
        {
            Assert.NotEqual(rightful, _stack.Add(damaged).DiffHex);
        }
        catch (ImageFormatException e)
        {
            Assert.False(string.IsNullOrEmpty(e.Message));
        }
    }

    [Fact]
    public void Gzip_members_zstd_frames_and_plain_archives_give_one_layer()
    {
        byte[] plain = new LayerBuilder().File("a", new string('a', 100_000)).Plain();
        byte[] members = [.. Gzip(plain[..5000]), .. Gzip(plain[5000..])];
        using ZstdSharp.Compressor zstd = new();
        byte[] skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        byte[] frames = [.. skippable, .. zstd.Wrap(plain.AsSpan(0, 7000)), .. skippable, .. zstd.Wrap(plain.AsSpan(7000))];

        string expected = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(plain));

        Assert.Equal(expected, _stack.Add(plain).DiffHex);
        Assert.Equal(expected, _stack.Add(members).DiffHex);
        Assert.Equal(expected, _stack.Add(frames).DiffHex);
    }

    [Fact]
    public void Sparse_files_of_GNU_tar_have_holes_again()
    {
        string file = Path.Combine(_stack.Root, "sparse"), archive = Path.Combine(_stack.Root, "sparse.tar");
        using (FileStream stream = File.Create(file))
        {
            stream.Write("head"u8);
            stream.Seek(50 << 20, SeekOrigin.Begin);
            stream.Write("tail"u8);
        }
        foreach (string format in (string[])["gnu", "pax --sparse-version=0.0", "pax --sparse-version=0.1", "pax --sparse-version=1.0"])
        {
            Tool.Run("/bin/sh", "-c", $"tar --sparse --format={format} -C {_stack.Root} -cf {archive} sparse");

            _stack.Add(File.ReadAllBytes(archive));

            using DirectoryHandle layer = DirectoryHandle.Open(_stack.DirectoryOf(^1));
            FileStatus status = layer.Status("sparse");
            Assert.Equal((50 << 20) + 4, status.Size);
            Assert.True(status.AllocatedBytes < 1 << 20, format);
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(layer.Name, "sparse")));
        }
    }

    [Fact]
    public void A_tree_packed_by_GNU_tar_comes_out_the_same()
    {
        string archive = Path.Combine(_stack.Root, "usr.tar");
        Tool.Run("/bin/sh", "-c", $"tar --xattrs --numeric-owner -C / -cf {archive} etc");

        _stack.Add(File.ReadAllBytes(archive));

        string Listing(string root) => Tool.Run("/bin/sh", "-c", $"cd {root} && find etc -printf '%p %m %U %G %T@ %l %y %s\\n' | grep -v ' d [0-9]*$' | sort");
        Assert.Equal(Listing("/"), Listing(_stack.DirectoryOf(0)));
    }

    public void Dispose() => _stack.Dispose();

    private static byte[] Gzip(byte[] data)
    {
        using MemoryStream packed = new();
        using (System.IO.Compression.GZipStream gzip = new(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(data);
        return packed.ToArray();
    }
}
