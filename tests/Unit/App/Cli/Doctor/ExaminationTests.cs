using System.Collections.Immutable;
using NativeKubelet.Cli.Doctor;
using NativeKubelet.Config;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime.Machines;
using NativeKubelet.Runtime.Recovery;
using NativeKubelet.Tests.Unit.Runtime.Machines;

namespace NativeKubelet.Tests.Unit.App.Cli.Doctor;

public sealed class ExaminationTests
{
    private static readonly MachineFacts Pi = Read(RecordedMachine.RaspberryPi());

    /// <summary>A machine with which all is well, as the pattern for those with which it is not.</summary>
    private static readonly NodeSight Well = new(
        new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), Root: true, AgentRuns: false, MemoryProgramsForbidden: false, SystemdRuns: false,
        new(Pi with { Controllers = [.. Pi.Controllers, "memory"], SwapBytes = 0 }, null),
        new(OptionsResolver.Resolve(FlagParser.Parse(["--pod-manifest-path=/etc/kubernetes/manifests"])), null),
        new("/usr/sbin/runc", "runc version 1.3.3\n", null),
        new(Forwards: true, FiltersBridges: true, NftFault: null, Cni: null, [], []),
        [Disk(StorageChecks.Data)],
        [new(10248, "health checks", null)],
        [], []);

    [Fact]
    public void A_sound_machine_has_nothing_to_mend() =>
        Assert.All(Examination.Of(Well), f => Assert.True(f.Level == FindingLevel.Ok || f.What.StartsWith("port 10250", StringComparison.Ordinal), f.ToString()));

    [Fact]
    public void A_Raspberry_Pi_is_told_how_to_turn_its_memory_controller_on()
    {
        Finding finding = Worst(Well with { Machine = new(Pi, null) });

        Assert.Equal(FindingLevel.Fail, finding.Level);
        Assert.Contains("memory controller", finding.What, StringComparison.Ordinal);
        Assert.Contains("cgroup_enable=memory", finding.Next, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_1_is_well_unless_the_configuration_forbids_it()
    {
        MachineFacts appliance = Read(RecordedMachine.Appliance());
        CgroupOptions options = Well.Config.Options!.Cgroups;

        Assert.Equal(FindingLevel.Ok, MachineChecks.Cgroups(appliance, options with { FailOnV1 = false }).Single().Level);
        Assert.Equal("failCgroupV1 is true", MachineChecks.Cgroups(appliance, options with { FailOnV1 = true }).First().Why);
    }

    [Theory]
    [InlineData(CgroupDriver.Systemd, false, FindingLevel.Fail)]
    [InlineData(CgroupDriver.Systemd, true, FindingLevel.Ok)]
    [InlineData(CgroupDriver.Cgroupfs, true, FindingLevel.Warn)]
    [InlineData(CgroupDriver.Cgroupfs, false, FindingLevel.Ok)]
    public void A_driver_must_fit_what_runs_the_machine(CgroupDriver driver, bool systemdRuns, FindingLevel level) =>
        Assert.Equal(level, MachineChecks.Driver(driver, systemdRuns).Level);

    [Fact]
    public void Without_the_capability_the_lowest_oom_score_is_named() =>
        Assert.Contains("below -300", MachineChecks.Capabilities(Read(RecordedMachine.Appliance())).Single().Why, StringComparison.Ordinal);

    [Fact]
    public void A_machine_without_control_groups_fails_with_the_kernels_words() =>
        Assert.Equal("cgroup controllers not mounted: memory", Worst(Well with { Machine = new(null, "cgroup controllers not mounted: memory") }).What);

    [Theory]
    [InlineData(0, true, true, FindingLevel.Ok)]
    [InlineData(1 << 20, true, true, FindingLevel.Fail)]
    [InlineData(1 << 20, false, true, FindingLevel.Ok)]
    [InlineData(1 << 20, false, false, FindingLevel.Warn)]
    public void Swap_is_looked_at_with_the_configuration(long bytes, bool failSwapOn, bool accounted, FindingLevel level) =>
        Assert.Equal(level, MachineChecks.Swap(Pi with { SwapBytes = bytes, SwapAccounted = accounted }, failSwapOn).Level);

    [Theory]
    [InlineData("4.19.0-26-amd64", FindingLevel.Fail)]
    [InlineData("5.6.0", FindingLevel.Ok)]
    [InlineData("6.6.31+rpt-rpi-v8", FindingLevel.Ok)]
    [InlineData("unknown", FindingLevel.Ok)]
    public void Old_kernels_lack_calls(string release, FindingLevel level) => Assert.Equal(level, MachineChecks.Kernel(release).Level);

    [Fact]
    public void A_clock_that_was_never_set_is_seen()
    {
        Assert.Equal(FindingLevel.Warn, MachineChecks.Clock(new(1970, 1, 1, 0, 5, 0, TimeSpan.Zero)).Level);
        Assert.Equal(FindingLevel.Ok, MachineChecks.Clock(new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero)).Level);
    }

    [Theory]
    [InlineData(null, null, FindingLevel.Fail)]
    [InlineData("/x/runc", null, FindingLevel.Fail)]
    [InlineData("/x/runc", "runc version 1.1.5+ds1\n", FindingLevel.Warn)]
    [InlineData("/x/runc", "runc version 1.3.3\n", FindingLevel.Ok)]
    [InlineData("/x/runc", "crun version 1.8.1\n", FindingLevel.Ok)]
    [InlineData("/x/runc", "hello\n", FindingLevel.Warn)]
    public void The_OCI_runtime_is_there_and_not_known_to_leak(string? path, string? version, FindingLevel level) =>
        Assert.Equal(level, RuntimeChecks.Of(new OciRuntimeSight(path, version, "says no")).Level);

    [Fact]
    public void Without_CNI_the_bridge_needs_nftables_and_with_it_the_plugins()
    {
        NetworkSight network = Well.Network with { NftFault = "nf_tables: Operation not supported (errno 95)" };

        Assert.Equal("nftables", Worst(Well with { Network = network }).Subject);
        Assert.Equal(FindingLevel.Warn, Worst(Well with { Network = network with { Cni = "pods" } }).Level);
        Assert.Contains("portmap", Worst(Well with { Network = network with { Cni = "pods", MissingPlugins = ["portmap"] } }).What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(StorageChecks.Data, FileSystemSpace.Overlay, FindingLevel.Fail)]
    [InlineData(StorageChecks.Data, FileSystemSpace.Nfs, FindingLevel.Fail)]
    [InlineData(StorageChecks.Data, FileSystemSpace.Tmpfs, FindingLevel.Warn)]
    [InlineData(StorageChecks.Data, FileSystemSpace.Ext, FindingLevel.Ok)]
    [InlineData(StorageChecks.Logs, FileSystemSpace.Nfs, FindingLevel.Ok)]
    public void Writable_layers_need_a_file_system_that_can_hold_them(string purpose, long magic, FindingLevel level) =>
        Assert.Equal(level, Worst(StorageChecks.Of(Disk(purpose, magic: magic), programsInFiles: false)).Level);

    [Theory]
    [InlineData(StorageChecks.Volumes, false, FindingLevel.Warn)]
    [InlineData(StorageChecks.Data, false, FindingLevel.Ok)]
    [InlineData(StorageChecks.Data, true, FindingLevel.Fail)]
    public void Noexec_matters_where_programs_are_run_from(string purpose, bool programsInFiles, FindingLevel level)
    {
        StorageSight disk = Disk(purpose);

        Assert.Equal(level, Worst(StorageChecks.Of(disk with { Space = disk.Space! with { NoExec = true } }, programsInFiles)).Level);
    }

    [Theory]
    [InlineData(50L << 20, 500, StorageChecks.Data, FindingLevel.Fail)]
    [InlineData(500L << 20, 500, StorageChecks.Data, FindingLevel.Warn)]
    [InlineData(500L << 20, 500, StorageChecks.State, FindingLevel.Ok)]
    [InlineData(50L << 30, 500, StorageChecks.Data, FindingLevel.Ok)]
    [InlineData(50L << 30, 10, StorageChecks.Data, FindingLevel.Warn)]
    public void Room_and_inodes_are_counted(long available, long freeInodes, string purpose, FindingLevel level) =>
        Assert.Equal(level, Worst(StorageChecks.Of(Disk(purpose, available, freeInodes), programsInFiles: false)).Level);

    [Fact]
    public void A_taken_port_is_a_fault_unless_the_agent_has_it()
    {
        NodeSight taken = Well with { Ports = [new(10248, "health checks", "bind 127.0.0.1:10248: Address already in use")] };

        Assert.Equal("port 10248", Worst(taken).Subject);
        Assert.Equal(FindingLevel.Fail, Worst(taken).Level);
        Assert.NotEqual(FindingLevel.Fail, Worst(taken with { AgentRuns = true }).Level);
    }

    [Theory]
    [InlineData("kubelet", FindingLevel.Fail)]
    [InlineData("k3s", FindingLevel.Fail)]
    [InlineData("containerd", FindingLevel.Warn)]
    public void Another_kubelet_is_worse_than_another_runtime(string program, FindingLevel level) =>
        Assert.Equal(level, Worst(NeighbourChecks.Of(Well with { Neighbours = [new(7, program)] })).Level);

    [Fact]
    public void A_configuration_that_does_not_hold_is_told_and_the_rest_is_judged_all_the_same()
    {
        ImmutableArray<Finding> findings = Examination.Of(Well with { Config = new(null, "config.yaml: line 3: field maxPods: no number") });

        Assert.Contains(findings, f => f is { Level: FindingLevel.Fail, Subject: "configuration" });
        Assert.Contains(findings, f => f.Subject == "OCI runtime");
    }

    private static MachineFacts Read(RecordedMachine recorded)
    {
        using (recorded) return recorded.Read();
    }

    private static StorageSight Disk(string purpose, long available = 50L << 30, long freeInodes = 500, long magic = FileSystemSpace.Ext) =>
        new(purpose, "/var/lib/x", new(100L << 30, available, available, 1000, freeInodes, magic), null);

    [Fact]
    public void Pods_of_another_kubelet_are_told_as_the_start_will_tell_them()
    {
        ForeignPod[] pods = [new("u1", "/kubepods/podu1", [new(10, "pause"), new(11, "nginx")]), new("u2", "/kubepods/podu2", [new(12, "redis")])];

        Finding finding = Worst(Well with { ForeignPods = [.. pods] });

        Assert.Equal(FindingLevel.Fail, finding.Level);
        Assert.Contains("pause (pid 10), nginx (pid 11), redis (pid 12) in /kubepods/podu1 and 1 more groups", finding.What, StringComparison.Ordinal);
        Assert.Contains("--take-over", finding.Next, StringComparison.Ordinal);
    }

    private static Finding Worst(NodeSight sight) => Worst(Examination.Of(sight));

    private static Finding Worst(IEnumerable<Finding> findings) => findings.MaxBy(f => f.Level)!;
}
