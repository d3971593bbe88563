using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime.Machines;

namespace NativeKubelet.Tests.Unit.Runtime.Machines;

public sealed class MachineReaderTests
{
    [Fact]
    public void An_appliance_is_read_as_it_is()
    {
        using RecordedMachine recorded = RecordedMachine.Appliance();

        MachineFacts machine = recorded.Read();

        Assert.Empty(machine.Doubts);
        Assert.Equal(CgroupMode.Hybrid, machine.Cgroups.Mode);
        Assert.Equal(["blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"], machine.Controllers);
        Assert.Equal((2, 24684084L * 1024, 0L), (machine.Cpus, machine.MemoryBytes, machine.SwapBytes));
        Assert.Equal(32768, machine.PidMax);
        Assert.Equal("6.18.44", machine.KernelRelease);
        Assert.DoesNotContain("CAP_SYS_RESOURCE", machine.Capabilities);
        Assert.Contains("CAP_SYS_ADMIN", machine.Capabilities);
        Assert.Equal(-300, machine.LowestOomScoreAdj);
        Assert.Equal(new KernelFeatures(true, true, true, false, null, true), machine.Features);
        Assert.Equal(["/sys/devices/system/cpu/cpu1/thermal_throttle"], machine.ThermalThrottlePaths);
        Assert.True(machine.SwapAccounted);
    }

    [Fact]
    public void Huge_pages_count_but_are_not_limited_without_their_controller()
    {
        using RecordedMachine recorded = RecordedMachine.Appliance().With("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "16\n");

        MachineFacts machine = recorded.Read();

        Assert.Equal([new(2 << 20, 16), new(1 << 30, 0)], machine.HugePages);
        Assert.Empty(Limits(machine).HugepageSizes);
        ResourceAmounts capacity = machine.Capacity(110, storageBytes: 1 << 30);
        Assert.Equal("32Mi", capacity["hugepages-2Mi"].ToString());
        Assert.Equal("0", capacity["hugepages-1Gi"].ToString());
        Assert.Equal("24684084Ki", capacity["memory"].ToString());
        Assert.Equal("1Gi", capacity["ephemeral-storage"].ToString());
        Assert.False(machine.Capacity(110, storageBytes: null).Has("ephemeral-storage"));
    }

    [Fact]
    public void With_their_controller_the_limits_name_every_size()
    {
        using RecordedMachine recorded = RecordedMachine.RaspberryPi()
            .With("/sys/fs/cgroup/cgroup.controllers", "cpu memory hugetlb pids\n").With("/sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages", "0\n")
            .With("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n").With("/sys/fs/cgroup/system.slice/memory.swap.max", "max\n");

        LimitSettings limits = Limits(recorded.Read());

        Assert.Equal(["64KB", "2MB"], limits.HugepageSizes);
        Assert.True(limits.CgroupV2);
        Assert.True(limits.SwapAccounted);
        Assert.Equal(524272L * 1024, limits.SwapTotal);
        Assert.False(limits.SingleProcessOomKill);
        Assert.Equal(50_000, limits.CpuPeriod);
        Assert.Equal(-1, limits.PodPids);
    }

    [Fact]
    public void A_module_that_the_kernel_can_load_counts_as_there()
    {
        using RecordedMachine recorded = RecordedMachine.RaspberryPi();

        MachineFacts machine = recorded.Read();

        Assert.True(machine.Features.Overlay);
        Assert.True(machine.Features.AppArmor);
        Assert.DoesNotContain("memory", machine.Controllers);
        Assert.Equal(-1000, machine.LowestOomScoreAdj);
        Assert.Equal(63476, machine.PidMax);
    }

    [Theory]
    [InlineData("kernel\0")]
    [InlineData("init\0")]
    [InlineData("unconfined\n")]
    public void SELinux_without_a_policy_labels_nothing(string own)
    {
        using RecordedMachine recorded = WithPolicy(RecordedMachine.RaspberryPi()).With("/proc/self/attr/current", own);

        Assert.Null(recorded.Read().Features.SELinux);
        Assert.Null(RecordedMachine.Appliance().With("/proc/self/attr/current", "u:r:t:s0\0").Read().Features.SELinux);
    }

    [Fact]
    public void Labels_are_the_loaded_policys_and_a_package_of_container_policy_speaks_first()
    {
        using RecordedMachine recorded = WithPolicy(RecordedMachine.RaspberryPi()).With("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=default\n");

        Assert.Equal("built in", recorded.Read().Features.SELinux?.Origin);
        recorded.With("/etc/selinux/default/contexts/lxc_contexts", "process = u:r:lxc_t:s0\nfile = u:object_r:lxc_file_t:s0\n");
        Assert.Equal("u:r:lxc_t:s0", recorded.Read().Features.SELinux?.Process.ToString());
        recorded.With("/usr/share/containers/selinux/contexts", "process = u:r:own_t:s0\nfile = u:object_r:own_file_t:s0\n");
        Assert.Equal("u:r:own_t:s0", recorded.Read().Features.SELinux?.Process.ToString());
    }

    [Fact]
    public void A_file_of_contexts_that_says_nothing_is_named_and_passed_over()
    {
        using RecordedMachine recorded = WithPolicy(RecordedMachine.RaspberryPi()).With("/sys/fs/selinux/mls", "0").With("/etc/selinux/targeted/contexts/lxc_contexts", "process = x\n");

        MachineFacts machine = recorded.Read();

        Assert.Equal("system_u:object_r:container_file_t", machine.Features.SELinux?.File.ToString());
        Assert.Contains(machine.Doubts, d => d.StartsWith("/etc/selinux/targeted/contexts/lxc_contexts: no contexts", StringComparison.Ordinal));
    }

    private static RecordedMachine WithPolicy(RecordedMachine machine) =>
        machine.With("/sys/fs/selinux/enforce", "1").With("/sys/fs/selinux/mls", "1").With("/proc/self/attr/current", "system_u:system_r:init_t:s0\0");

    [Fact]
    public void In_a_user_namespace_the_capability_frees_no_oom_score()
    {
        using RecordedMachine recorded = RecordedMachine.RaspberryPi().With("/proc/self/uid_map", "0 100000 65536\n").With("/proc/self/oom_score_adj", "200\n");

        Assert.Equal(200, recorded.Read().LowestOomScoreAdj);
    }

    [Theory]
    [InlineData("/proc/sys/kernel/pid_max")]
    [InlineData("/proc/sys/kernel/threads-max")]
    [InlineData("/proc/sys/kernel/osrelease")]
    [InlineData("/proc/sys/kernel/random/boot_id")]
    [InlineData("/proc/self/oom_score_adj")]
    [InlineData("/proc/self/uid_map")]
    [InlineData("/proc/self/status")]
    [InlineData("/proc/filesystems")]
    [InlineData("/proc/meminfo")]
    [InlineData("/sys/devices/system/cpu/online")]
    [InlineData("/sys/fs/cgroup/cgroup.controllers")]
    public void What_cannot_be_read_is_named_and_stops_nothing(string path)
    {
        using RecordedMachine recorded = RecordedMachine.RaspberryPi().Without(path);

        MachineFacts machine = recorded.Read();

        Assert.StartsWith(path + ": ", machine.Doubts[0], StringComparison.Ordinal);
        Assert.True(machine.Cpus > 0);
        Assert.True(machine.MemoryBytes > 0);
        Assert.NotEmpty(machine.BootId);
        Assert.NotEmpty(machine.Capabilities);
        Assert.InRange(machine.LowestOomScoreAdj, -1000, 0);
    }

    [Fact]
    public void What_is_no_number_is_named_with_what_it_is()
    {
        using RecordedMachine recorded = RecordedMachine.RaspberryPi().With("/proc/sys/kernel/pid_max", "many\n");

        MachineFacts machine = recorded.Read();

        Assert.Equal("/proc/sys/kernel/pid_max: holds \"many\"; 32768 is assumed", Assert.Single(machine.Doubts));
        Assert.Equal(32768, machine.PidMax);
    }

    [Fact]
    public void Without_control_groups_the_error_says_what_is_missing()
    {
        using RecordedMachine recorded = RecordedMachine.Appliance().With("/proc/self/mountinfo", "36 35 98:0 / / rw - ext4 /dev/root rw\n");

        Assert.Contains("cpu, cpuacct, cpuset, memory", Assert.Throws<IOException>(recorded.Read).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0\n", 1)]
    [InlineData("0-3,8,10-11\n", 7)]
    [InlineData("", null)]
    [InlineData("3-1", null)]
    [InlineData("0-3-5", null)]
    [InlineData("a", null)]
    [InlineData("0-99999999", null)]
    public void A_cpu_list_says_how_many(string text, int? count) => Assert.Equal(count, MachineText.CpuCount(text));

    [Theory]
    [InlineData("MemTotal:       24684084 kB\n", 24684084L * 1024)]
    [InlineData("MemTotal: 12\n", null)]
    [InlineData("MemTotal: -1 kB\n", null)]
    [InlineData("MemTotal: 99999999999999999 kB\n", null)]
    [InlineData("", null)]
    public void Memory_is_told_in_kibibytes(string text, long? bytes) => Assert.Equal(bytes, MachineText.Kibibytes(text, "MemTotal:"));

    [Fact]
    public void The_runtime_is_told_what_this_machine_can()
    {
        using RecordedMachine recorded = RecordedMachine.Appliance();
        MachineFacts machine = recorded.Read();

        Assert.Equal(new MachineView(false, machine.ThermalThrottlePaths), machine.View);
        Assert.True(Limits(machine).SingleProcessOomKill);
    }

    private static LimitSettings Limits(MachineFacts machine) =>
        machine.Limits(cpuQuota: true, TimeSpan.FromMilliseconds(50), singleProcessOomKill: null, podPids: null, limitedSwap: false);
}
