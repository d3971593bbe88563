using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Tests.Unit.Linux.Files;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void A_new_file_has_its_content_and_exactly_its_mode()
    {
        Assert.True(AtomicFile.Write(_directory["a"], "one"u8, mode: 0x1B6));

        Assert.Equal("one", File.ReadAllText(_directory["a"]));
        Assert.Equal(0x1B6u, Permissions());
        Assert.Single(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void Equal_content_is_not_written_again()
    {
        byte[] content = new byte[20_000];
        Random.Shared.NextBytes(content);
        AtomicFile.Write(_directory["a"], content);
        using DirectoryHandle handle = DirectoryHandle.Open(_directory.Path);
        ulong inode = handle.Status("a").Inode;

        Assert.False(AtomicFile.Write(_directory["a"], content));

        Assert.Equal(inode, handle.Status("a").Inode);
    }

    [Theory]
    [InlineData("longer than it was", 0x180)]
    [InlineData("", 0x180)]
    [InlineData("twp", 0x180)]
    [InlineData("two", 0x1A4)]
    public void Another_content_or_mode_replaces_the_file(string content, uint mode)
    {
        AtomicFile.Write(_directory["a"], "two"u8);

        Assert.True(AtomicFile.Write(_directory["a"], System.Text.Encoding.ASCII.GetBytes(content), mode));

        Assert.Equal(content, File.ReadAllText(_directory["a"]));
        Assert.Equal(mode, Permissions());
    }

    [Fact]
    public void A_link_in_the_place_is_replaced_and_its_target_stays()
    {
        File.WriteAllText(_directory["target"], "precious");
        File.CreateSymbolicLink(_directory["a"], _directory["target"]);

        AtomicFile.Write(_directory["a"], "new"u8);

        Assert.Equal("precious", File.ReadAllText(_directory["target"]));
        Assert.Null(new FileInfo(_directory["a"]).LinkTarget);
    }

    [Fact]
    public void A_write_that_fails_names_the_call_and_leaves_nothing()
    {
        Directory.CreateDirectory(_directory["a"]);
        File.WriteAllText(Path.Combine(_directory["a"], "inside"), "");

        ErrnoException failure = Assert.Throws<ErrnoException>(() => AtomicFile.Write(_directory["a"], "new"u8));

        Assert.Equal("renameat", failure.Call);
        Assert.Single(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void Leftovers_of_killed_writers_go_and_all_else_stays()
    {
        File.WriteAllText(_directory[".a.0123.nk-tmp"], "half");
        File.WriteAllText(_directory["b.nk-tmp"], "a name of someone's own");

        AtomicFile.RemoveLeftovers(_directory.Path);

        Assert.Equal([_directory["b.nk-tmp"]], Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void A_file_set_aside_is_kept_beside_its_place()
    {
        File.WriteAllText(_directory["a"], "broken");

        string aside = AtomicFile.SetAside(_directory["a"]);

        Assert.Equal("broken", File.ReadAllText(aside));
        Assert.False(File.Exists(_directory["a"]));
    }

    public void Dispose() => _directory.Dispose();

    private uint Permissions()
    {
        using DirectoryHandle handle = DirectoryHandle.Open(_directory.Path);
        return handle.Status("a").Permissions;
    }
}
