using NativeKubelet.Linux.Cgroups;

namespace NativeKubelet.Tests.Unit.Linux.Cgroups;

public sealed class CgroupUsageTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("nk-usage-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_sample_reads_version_2_files_and_leaves_no_garbage()
    {
        File.WriteAllText(_root + "/cpu.stat", "usage_usec 7\nuser_usec 5\n");
        File.WriteAllText(_root + "/memory.current", "1000\n");
        File.WriteAllText(_root + "/memory.stat", "anon 300\nfile 600\ninactive_file 400\npgfault 9\npgmajfault 1\n");
        using CgroupUsageReader reader = new(new(CgroupMode.Unified, [new(_root, true, [])]), "/");

        Assert.Equal(new CgroupUsage(7000, 1000, 600, 300, 9, 1, null), reader.Read());

        for (int i = 0; i < 100; i++) reader.Read();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) reader.Read();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Theory]
    [InlineData("max\n", null)]
    [InlineData("", null)]
    [InlineData("12x", null)]
    [InlineData("99999999999999999999999", null)]
    [InlineData("12\n", 12L)]
    public void A_single_value_is_a_whole_number_or_nothing(string text, long? value) =>
        Assert.Equal(value, CgroupText.Single(System.Text.Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void A_key_is_not_taken_for_a_longer_one() => Assert.Equal(2, CgroupText.Keyed("oom_kill 1\noom 2"u8, "oom"u8));
}
