using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Tests.Unit.Linux.Processes;

public sealed class ProcFsTests
{
    [Theory]
    [InlineData("1 (a) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 99 1", 4711L)]
    [InlineData("1 (evil) S 9 9 (x) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12 99 1", 12L)]
    [InlineData("1 (short) S 0", null)]
    [InlineData("", null)]
    [InlineData("no parenthesis at all", null)]
    [InlineData("1 (a) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 -5 99", null)]
    public void Start_time_is_field_22_whatever_the_name_contains(string stat, long? expected) =>
        Assert.Equal(expected, ProcFs.ParseStartTime(stat));

    [Fact]
    public void Cgroup_lines_keep_colons_of_the_path_and_leave_out_what_is_no_line()
    {
        var parsed = ProcFs.ParseCgroups("12:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/x\nrubbish\n:::\n");

        Assert.Equal(
            [new CgroupMembership(12, "cpu,cpuacct", "/a:b"), new(1, "name=systemd", "/"), new(0, "", "/x")], parsed);
    }

    [Theory]
    [InlineData("Limit Soft Limit Hard Limit Units\nMax processes             7                    8                    processes\nMax open files            1024                 524288               files\n", 1024L)]
    [InlineData("Max open files            unlimited            unlimited            files", -1L)]
    [InlineData("Max open files            1x   2   files", null)]
    [InlineData("Max open files", null)]
    [InlineData("", null)]
    public void The_soft_limit_of_open_files_is_the_first_of_its_line(string limits, long? expected) => Assert.Equal(expected, ProcFs.ParseOpenFilesLimit(limits));

    [Fact]
    public void A_process_that_does_not_exist_has_no_facts()
    {
        const int beyondPidMax = 1 << 23;

        Assert.Null(ProcFs.StartTime(beyondPidMax));
        Assert.Null(ProcFs.Comm(beyondPidMax));
        Assert.Empty(ProcFs.Cgroups(beyondPidMax));
        Assert.Null(ProcFs.OpenFilesLimit(beyondPidMax));
    }

    [Fact]
    public void This_process_has_a_start_time() => Assert.True(ProcFs.StartTime(Environment.ProcessId) > 0);
}
