using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Tests.Unit.Linux.Files;

public sealed class DirectoryHandleTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly DirectoryHandle _root;

    public DirectoryHandleTests()
    {
        // root/ with a way out of every kind, and outside/ that must never be reached.
        Directory.CreateDirectory(_directory["outside"]);
        File.WriteAllText(_directory["outside/secret"], "secret");
        Directory.CreateDirectory(_directory["root/etc"]);
        File.WriteAllText(_directory["root/etc/passwd"], "inside");
        File.CreateSymbolicLink(_directory["root/absolute"], "/etc");
        File.CreateSymbolicLink(_directory["root/up"], "../outside");
        File.CreateSymbolicLink(_directory["root/inner"], "etc");
        File.CreateSymbolicLink(_directory["root/loop"], "loop");
        File.CreateSymbolicLink(_directory["root/etc/around"], "../etc/../inner/passwd");
        _root = DirectoryHandle.Open(_directory["root"]);
    }

    public static TheoryData<string, bool> BothWays(params string[] paths)
    {
        TheoryData<string, bool> data = [];
        foreach (string path in paths) { data.Add(path, true); data.Add(path, false); }
        return data;
    }

    public static TheoryData<string, bool> Inside => BothWays("etc/passwd", "inner/passwd", "etc/around", "./etc//passwd", "etc/../etc/passwd");
    public static TheoryData<string, bool> Leaving => BothWays("../outside/secret", "up/secret", "absolute/passwd", "/etc/passwd", "etc/../../outside/secret");
    public static TheoryData<string, bool> Clamped => BothWays("/etc/passwd", "../../etc/passwd", "absolute/passwd", "absolute/../../../etc/passwd");

    [Theory]
    [MemberData(nameof(Inside))]
    public void A_path_that_stays_inside_is_opened(string path, bool kernel) => Assert.Equal("inside", ReadInside(path, PathBorder.Refuse, kernel));

    [Theory]
    [MemberData(nameof(Leaving))]
    public void A_path_that_leaves_is_refused(string path, bool kernel)
    {
        ErrnoException failure = Assert.Throws<ErrnoException>(() => ReadInside(path, PathBorder.Refuse, kernel));

        Assert.Equal(Errno.EXDEV, failure.Errno);
    }

    [Theory]
    [MemberData(nameof(Clamped))]
    public void With_the_directory_as_root_every_way_ends_inside(string path, bool kernel) =>
        Assert.Equal("inside", ReadInside(path, PathBorder.ActAsRoot, kernel));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Links_in_a_circle_end_in_an_error(bool kernel) =>
        Assert.Equal(Errno.ELOOP, Assert.Throws<ErrnoException>(() => ReadInside("loop/x", PathBorder.ActAsRoot, kernel)).Errno);

    [Fact]
    public void A_tree_is_removed_without_following_its_links()
    {
        using DirectoryHandle parent = DirectoryHandle.Open(_directory.Path);

        Assert.True(parent.RemoveTree("root"));

        Assert.False(Directory.Exists(_directory["root"]));
        Assert.Equal("secret", File.ReadAllText(_directory["outside/secret"]));
        Assert.False(parent.RemoveTree("root"));
    }

    [Fact]
    public void A_link_to_a_directory_is_removed_and_the_directory_stays()
    {
        Assert.True(_root.RemoveTree("up"));

        Assert.True(File.Exists(_directory["outside/secret"]));
    }

    [Fact]
    public void Names_of_any_bytes_are_kept_apart()
    {
        KernelPath first = new([0xff]), second = new([0xfe]);
        _root.OpenFile(first, OpenFlags.Create | OpenFlags.Write, 0x180).Dispose();
        _root.OpenFile(second, OpenFlags.Create | OpenFlags.Write, 0x180).Dispose();

        List<KernelPath> names = _root.List();

        Assert.Contains(first, names);
        Assert.Contains(second, names);
        Assert.True(_root.Unlink(first));
        Assert.NotNull(_root.TryStatus(second));
    }

    [Fact]
    public void Many_names_are_listed_each_once()
    {
        _root.MakeDirectory("many");
        using DirectoryHandle many = _root.OpenDirectory("many");
        for (int i = 0; i < 2000; i++) many.MakeDirectory($"a name long enough to fill buffers {i}");

        Assert.Equal(2000, many.List().Distinct().Count());
        many.RemoveContent();
        Assert.Empty(many.List());
    }

    [Fact]
    public void A_log_behind_a_link_a_second_name_or_a_fifo_is_refused()
    {
        _root.MakeHardLink(_root, "etc/passwd", "second");
        _root.MakeSymbolicLink("etc/passwd", "link");
        _root.MakeNode("fifo", FileKind.Fifo, 0x180, 0, 0);

        Assert.Throws<IOException>(() => _root.OpenRegularFile("second"));
        Assert.Throws<ErrnoException>(() => _root.OpenRegularFile("link"));
        Assert.Throws<IOException>(() => _root.OpenRegularFile("fifo"));
    }

    [Fact]
    public void Modes_are_exact_and_a_link_keeps_its_target_untouched()
    {
        _root.SetMode("etc", 0x3FF & ~0x200u);
        _root.SetMode("inner", 0x1C0);

        Assert.Equal(0x1FFu, _root.Status("etc").Permissions);
        Assert.Equal(FileKind.SymbolicLink, _root.Status("inner").Kind);
    }

    [Fact]
    public void A_path_with_a_NUL_is_no_path() => Assert.Throws<ArgumentException>(() => new KernelPath("a\0b"u8));

    public void Dispose()
    {
        _root.Dispose();
        _directory.Dispose();
    }

    private string ReadInside(string path, PathBorder border, bool kernel)
    {
        using FileDescriptor file = kernel
            ? _root.OpenInside(path, OpenFlags.Read, border)
            : _root.Walk(path, OpenFlags.Read, border, 0);
        byte[] buffer = new byte[64];
        return System.Text.Encoding.ASCII.GetString(buffer, 0, OpenedFile.Read(file, buffer, path));
    }
}
