using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Linux.SELinux;

namespace NativeKubelet.Tests.Node.Files;

/// <summary>Labels are attributes, so they can be written and read back also where no SELinux looks at them.</summary>
public sealed class FileLabelTests : IDisposable
{
    private const string Label = "system_u:object_r:container_file_t:s0:c1,c2";
    private readonly string _directory = $"/var/tmp/nk-test-{Guid.NewGuid():N}";

    public FileLabelTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it labels");
        foreach (string name in (string[])["volume/a/b", "volume/mounted", "outside"]) Directory.CreateDirectory(Path.Combine(_directory, name));
        foreach (string name in (string[])["volume/a/b/f", "outside/f"]) File.WriteAllText(Path.Combine(_directory, name), "");
        File.CreateSymbolicLink(Path.Combine(_directory, "volume/link"), Path.Combine(_directory, "outside/f"));
        File.CreateSymbolicLink(Path.Combine(_directory, "volume/a/way"), Path.Combine(_directory, "outside"));
    }

    [Fact]
    public void All_of_a_volume_is_labelled_and_nothing_that_a_link_or_a_mount_in_it_leads_to()
    {
        MountPoint.Tmpfs(Path.Combine(_directory, "volume/mounted"), new(1 << 20, 0x1FF), MountAttributes.None);
        File.WriteAllText(Path.Combine(_directory, "volume/mounted/f"), "");

        FileLabels.Set(Path.Combine(_directory, "volume"), Label, CancellationToken.None);

        Assert.All((string[])["volume", "volume/a", "volume/a/b", "volume/a/b/f", "volume/link", "volume/a/way"], name => Assert.Equal((name, Label), (name, Of(name))));
        Assert.All((string[])["outside", "outside/f", "volume/mounted", "volume/mounted/f"], name => Assert.NotEqual((name, Label), (name, Of(name))));
    }

    [Fact]
    public void One_file_can_be_labelled_and_one_that_has_gone_is_no_failure()
    {
        FileLabels.Set(Path.Combine(_directory, "outside/f"), Label, CancellationToken.None);
        FileLabels.Set(Path.Combine(_directory, "outside/gone"), Label, CancellationToken.None);

        Assert.Equal(Label, Of("outside/f"));
        Assert.NotEqual(Label, Of("outside"));
    }

    [Fact]
    public void What_has_the_label_is_not_written_again()
    {
        string volume = Path.Combine(_directory, "volume");
        FileLabels.Set(volume, Label, CancellationToken.None);
        MountPoint.Bind(volume, volume, recursive: false, readOnly: true);

        FileLabels.Set(volume, Label, CancellationToken.None);
        ErrnoException refusal = Assert.Throws<ErrnoException>(() => FileLabels.Set(volume, Label + ",c3", CancellationToken.None));

        Assert.Equal(Errno.EROFS, refusal.Errno);
    }

    public void Dispose()
    {
        if (!Directory.Exists(_directory)) return;
        MountPoint.Detach(Path.Combine(_directory, "volume/mounted"));
        MountPoint.Detach(Path.Combine(_directory, "volume"));
        DirectoryHandle.DeleteTree(_directory);
    }

    private string? Of(string name)
    {
        using DirectoryHandle parent = DirectoryHandle.Open(_directory);
        return FileLabels.Of(parent, name);
    }
}
