using NativeKubelet.Linux.Cgroups;

namespace NativeKubelet.Tests.Unit.Linux.Cgroups;

public sealed class CgroupUsageTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("nk-usage-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_sample_reads_version_2_files_and_leaves_no_garbage()
    {
        string group = Directory.CreateDirectory(_root + "/g").FullName;
        File.WriteAllText(group + "/cpu.stat", "usage_usec 7\nuser_usec 5\n");
        File.WriteAllText(group + "/memory.current", "1000\n");
        File.WriteAllText(group + "/memory.stat", "anon 300\nfile 600\ninactive_file 400\npgfault 9\npgmajfault 1\n");
        using CgroupUsageReader reader = new(new(CgroupMode.Unified, [new(_root, true, [])]), "/g");

        Assert.Equal(new CgroupUsage(7000, 1000, 600, 300, 9, 1, null), reader.Read());

        for (int i = 0; i < 100; i++) reader.Read();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) reader.Read();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_group_without_files_is_gone()
    {
        using CgroupUsageReader reader = new(new(CgroupMode.Unified, [new(_root, true, [])]), "/none");

        Assert.Null(reader.Read());
        Assert.Null(reader.Refusal);
    }

    [Fact]
    public void Version_1_counts_what_is_below()
    {
        foreach (string controller in (string[])["cpuacct", "memory", "pids"]) Directory.CreateDirectory($"{_root}/{controller}/g");
        File.WriteAllText(_root + "/cpuacct/g/cpuacct.usage", "7000\n");
        File.WriteAllText(_root + "/memory/g/memory.usage_in_bytes", "1000\n");
        File.WriteAllText(_root + "/memory/g/memory.stat", "rss 1\npgfault 1\ninactive_file 1\ntotal_rss 300\ntotal_pgfault 9\ntotal_pgmajfault 1\ntotal_inactive_file 1400\n");
        File.WriteAllText(_root + "/pids/g/pids.current", "4\n");
        CgroupLayout layout = new(CgroupMode.Legacy, [.. new[] { "cpuacct", "memory", "pids" }.Select(c => new CgroupHierarchy($"{_root}/{c}", false, [c]))]);
        using CgroupUsageReader reader = new(layout, "/g");

        Assert.Equal(new CgroupUsage(7000, 1000, 0, 300, 9, 1, 4), reader.Read());
    }

    [Theory]
    [InlineData("0.20 0.18 0.12 1/80 11206\n", 80L)]
    [InlineData("0.20 0.18 0.12 1/80", null)]
    [InlineData("0.20 0.18 0.12 1/x 11206", null)]
    [InlineData("", null)]
    public void The_machine_counts_its_tasks_in_loadavg(string text, long? tasks) =>
        Assert.Equal(tasks, CgroupText.Tasks(System.Text.Encoding.ASCII.GetBytes(text)));

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
