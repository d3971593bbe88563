using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;

namespace NativeKubelet.Tests.Node.Files;

public sealed class MountTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nk-test-").FullName;

    public MountTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it mounts");

    private string Make(string name) => Directory.CreateDirectory(Path.Combine(_directory, name)).FullName;

    [Fact]
    public void A_tmpfs_has_its_size_and_mode_and_detaching_it_twice_is_fine()
    {
        string target = Make("tmpfs");

        MountPoint.Tmpfs(target, new(1 << 20, 0x1C0), MountAttributes.NoExec | MountAttributes.NoSetuid);

        Assert.True(MountPoint.Exists(target));
        Assert.Equal(1 << 20, FileSystemSpace.Of(target).TotalBytes);
        Assert.Equal(FileSystemSpace.Tmpfs, FileSystemSpace.Of(target).Magic);
        using (DirectoryHandle root = DirectoryHandle.Open(target)) Assert.Equal(0x1C0u, root.Status().Permissions);
        Assert.True(MountPoint.Detach(target));
        Assert.False(MountPoint.Detach(target));
        Assert.False(MountPoint.Exists(target));
        Assert.False(MountPoint.Detach(Path.Combine(_directory, "nowhere")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_bind_mount_is_writable_only_when_it_should_be_also_in_the_mounts_below(bool readOnly)
    {
        string source = Make("source"), below = Make("source/below"), target = Make("target");
        MountPoint.Tmpfs(below, new(1 << 20, 0x1FF), MountAttributes.None);

        MountPoint.Bind(source, target, recursive: true, readOnly);

        foreach (string place in (string[])[target, Path.Combine(target, "below")])
            if (readOnly) Assert.Throws<IOException>(() => File.WriteAllText(Path.Combine(place, "file"), ""));
            else File.WriteAllText(Path.Combine(place, "file"), "");
        File.WriteAllText(Path.Combine(below, "still"), "");
        Assert.True(File.Exists(Path.Combine(target, "below/still")));
    }

    [Fact]
    public void A_bind_mount_of_one_file_is_a_mount_point()
    {
        string source = Path.Combine(_directory, "hosts"), target = Path.Combine(_directory, "target");
        File.WriteAllText(source, "127.0.0.1 localhost");
        File.WriteAllText(target, "");

        MountPoint.Bind(source, target, recursive: false, readOnly: true);

        Assert.True(MountPoint.Exists(target));
        Assert.Equal("127.0.0.1 localhost", File.ReadAllText(target));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_overlay_of_many_layers_with_long_names_shows_the_topmost(bool byString)
    {
        string[] lowers = [.. Enumerable.Range(0, 120).Select(i => Make($"{new string('l', 90)}{i:D3}"))];
        for (int i = 0; i < lowers.Length; i++)
        {
            File.WriteAllText(Path.Combine(lowers[i], "which"), $"{i}");
            File.WriteAllText(Path.Combine(lowers[i], $"only{i}"), "");
        }
        OverlayLayers layers = new([.. lowers], Make("upper"), Make("work"), Volatile: true);
        string target = Make("merged");

        if (byString) OverlayMount.MountByString(layers, target); else OverlayMount.Mount(layers, target);

        Assert.Equal("0", File.ReadAllText(Path.Combine(target, "which")));
        Assert.Equal(121, Directory.GetFiles(target).Length);
        File.WriteAllText(Path.Combine(target, "new"), "written");
        Assert.True(File.Exists(Path.Combine(_directory, "upper/new")));
        MountInfo mount = Assert.Single(MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")), m => m.MountPoint == target);
        Assert.Contains("volatile", mount.SuperOptions, StringComparison.Ordinal);
    }

    [Fact]
    public void An_overlay_on_an_overlay_is_refused_in_words()
    {
        string target = Make("first");
        OverlayMount.Mount(new([Make("lower")], Make("upper"), Make("work"), false), target);
        string upper = Directory.CreateDirectory(Path.Combine(target, "upper")).FullName;
        string work = Directory.CreateDirectory(Path.Combine(target, "work")).FullName;
        string second = Make("second");

        ErrnoException failure = Assert.Throws<ErrnoException>(() => OverlayMount.Mount(new([Make("lower")], upper, work, false), second));

        Assert.Equal(Errno.EINVAL, failure.Errno);
        Assert.False(MountPoint.Exists(second));
    }

    [Fact]
    public void A_tree_with_something_mounted_in_it_is_not_removed()
    {
        string tree = Make("tree"), precious = Make("precious"), inside = Make("tree/volume");
        File.WriteAllText(Path.Combine(precious, "data"), "data");
        MountPoint.Bind(precious, inside, recursive: false, readOnly: false);

        Assert.Equal(Errno.EBUSY, Assert.Throws<ErrnoException>(() => DirectoryHandle.DeleteTree(tree)).Errno);

        Assert.Equal("data", File.ReadAllText(Path.Combine(precious, "data")));
    }

    public void Dispose()
    {
        foreach (MountInfo mount in MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")).Reverse())
            if (mount.MountPoint.StartsWith(_directory, StringComparison.Ordinal)) MountPoint.Detach(mount.MountPoint);
        DirectoryHandle.DeleteTree(_directory);
    }
}
