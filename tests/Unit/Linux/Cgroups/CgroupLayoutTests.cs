using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Mounts;

namespace NativeKubelet.Tests.Unit.Linux.Cgroups;

public sealed class CgroupLayoutTests
{
    private const string Legacy = """
        31 23 0:28 / /sys/fs/cgroup rw,relatime shared:3 - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:4 master:1 - cgroup cgroup rw,cpu,cpuacct
        33 31 0:29 / /other/longer/place/for/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
        34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset,clone_children
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
        40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/usr/lib/agent,name=systemd
        """;

    [Fact]
    public void Controllers_mounted_together_are_one_hierarchy()
    {
        CgroupLayout layout = CgroupLayout.Detect(Legacy);

        Assert.Equal(CgroupMode.Legacy, layout.Mode);
        Assert.Equal("/sys/fs/cgroup/cpu,cpuacct", layout.For("cpuacct")!.MountPoint);
        Assert.Equal(["cpuset"], layout.For("cpuset")!.Controllers);
        Assert.Equal("/sys/fs/cgroup/systemd/a", layout.For("name=systemd")!.Directory("/a"));
        Assert.Null(layout.For("hugetlb"));
    }

    [Fact]
    public void A_version_2_mount_beside_version_1_makes_a_hybrid() =>
        Assert.Equal(CgroupMode.Hybrid, CgroupLayout.Detect(Legacy + "\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw").Mode);

    [Fact]
    public void The_mount_on_top_decides()
    {
        CgroupLayout layout = CgroupLayout.Detect(Legacy + "\n50 23 0:40 / /sys/fs/cgroup rw - cgroup2 cgroup rw");

        Assert.True(layout.Unified);
        Assert.Equal("/sys/fs/cgroup", Assert.Single(layout.Hierarchies).MountPoint);
    }

    [Fact]
    public void A_missing_controller_is_named() =>
        Assert.Contains("memory", Assert.Throws<IOException>(() => CgroupLayout.Detect(Legacy.Replace("cgroup rw,memory", "tmpfs rw").Replace("- cgroup tmpfs", "- tmpfs tmpfs"))).Message);

    [Theory]
    [InlineData("")]
    [InlineData("1 2 3")]
    [InlineData("a b 0:1 / / rw - x y z")]
    [InlineData("1 2 0:1 / / rw x - y")]
    public void Lines_that_are_no_mounts_are_left_out(string text) => Assert.Empty(MountInfo.Parse(text));

    [Fact]
    public void Blanks_in_a_path_are_read_back() =>
        Assert.Equal("/a b\\", Assert.Single(MountInfo.Parse(@"1 2 0:1 / /a\040b\134 rw - tmpfs t rw")).MountPoint);

    [Fact]
    public void Version_2_writes_quota_and_period_in_one_value() =>
        Assert.Equal(new CgroupWrite("cpu", "cpu.max", "50000 100000"), Assert.Single(CgroupPlan.For(new(CpuQuota: 50_000, CpuPeriod: 100_000), unified: true)));

    [Fact]
    public void Version_1_lifts_the_quota_before_the_period_changes() =>
        Assert.Equal(["-1", "20000", "5000"], CgroupPlan.For(new(CpuQuota: 5000, CpuPeriod: 20_000), unified: false).Select(w => w.Value));
}
