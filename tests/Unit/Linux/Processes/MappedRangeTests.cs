using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Tests.Unit.Linux.Processes;

public sealed class MappedRangeTests
{
    private const string Smaps = """
        55d0c0000000-55d0c0100000 r-xp 00001000 fe:00 131 /usr/bin/native kubelet
        Size:               1024 kB
        Rss:                 800 kB
        Anonymous:             0 kB
        VmFlags: rd ex mr mw me sd
        55d0c0100000-55d0c0110000 r--p 00101000 fe:00 131 /usr/bin/nativekubelet
        Rss:                  64 kB
        Anonymous:            12 kB
        55d0c0110000-55d0c0120000 rw-p 00111000 fe:00 131 /usr/bin/nativekubelet
        Rss:                  64 kB
        Anonymous:             0 kB
        7f0000000000-7f0000001000 r--s 00000000 fe:00 140 /var/shared
        Rss:                   4 kB
        Anonymous:             0 kB
        7f0000010000-7f0000020000 r-xp 00000000 00:00 0 [vdso]
        Rss:                   4 kB
        Anonymous:             0 kB
        7f0000020000-7f0000030000 r--p 00000000 fe:00 150 /lib/cut-off.so
        Rss:                   4 kB
        """;

    [Fact]
    public void Only_what_the_file_still_has_may_be_let_go_of()
    {
        MappedRange[] ranges = [.. MappedRange.Parse(Smaps.Split('\n'))];

        Assert.Equal(6, ranges.Length);
        // Not what was relocated (it would come back unrelocated), can be written, is shared, is no file, or is not told of whole.
        MappedRange text = Assert.Single(ranges, r => r.IsFileAlone);
        Assert.Equal((0x55d0c0000000UL, 0x55d0c0100000UL, "/usr/bin/native kubelet", 800L), ((ulong)text.Start, (ulong)text.End, text.File, text.ResidentKb));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Rss: 4 kB")]
    [InlineData("zz-yy r-xp 0 0 0 /x")]
    [InlineData("20-10 r-xp 0 0 0 /x")]
    [InlineData("- - - - - -")]
    public void Other_text_is_passed_over(string text) => Assert.Empty(MappedRange.Parse([text]));

    [Fact]
    public void This_process_goes_on_without_the_pages_it_let_go_of()
    {
        Assert.True(OwnPages.ReleaseFilePages() > 0);
        Assert.NotEmpty(MappedRange.Parse(File.ReadAllLines("/proc/self/smaps")));
    }
}
