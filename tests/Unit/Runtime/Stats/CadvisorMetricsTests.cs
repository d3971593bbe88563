using NativeKubelet.Core.Stats;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Stats;

namespace NativeKubelet.Tests.Unit.Runtime.Stats;

public sealed class CadvisorMetricsTests : IDisposable
{
    private const string Io2 = "8:0 rbytes=4096 wbytes=512 rios=3 wios=1 dbytes=0 dios=0\n253:1 rbytes=1 wbytes=2 rios=3 wios=4\n";

    private readonly string _root = Directory.CreateTempSubdirectory("nk-details-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Series_carry_every_label_and_the_time_of_the_sample()
    {
        CgroupDetails details = new() { Cache = 7, CpuQuota = 50_000, Periods = 10, ThrottledPeriods = 2, ThrottledNanoseconds = 500_000_000, Io = DeviceIo.ParseStat("8:0 rbytes=4096 wbytes=512 rios=3 wios=1"u8), IoPressure = new(new(1, 2, 3, 2_500_000), new(0, 0, 0, 500_000)), Threads = 12, MostThreads = 0 };
        CadvisorRow container = new(
            CadvisorMetrics.Labels("/kubepods/podx/c", "c", "img:1", "main", "web", "default"), new UsageSample(new(1_500_000_000, 100, 80, 60, 5, 1, 2), null), details, [], DateTimeOffset.UnixEpoch.AddSeconds(9))
        { Disks = [new("/dev/sda1", 70, 1000, 90, 80)], Processes = new(3, 40, 5), OpenFilesLimit = -1 };
        CadvisorRow sandbox = new(CadvisorMetrics.Labels("/kubepods/podx/s", "s", "pause", "", "web", "default"), null, null, [new InterfaceFigures("eth0", 1, 2, 3, 4, 5, 6, 7, 8)], null);
        using MetricText text = new();

        CadvisorMetrics.Write([container, sandbox], 1234, (_, _) => "/dev/sda", text);

        string page = text.ToString(), labels = "container=\"main\",id=\"/kubepods/podx/c\",image=\"img:1\",name=\"c\",namespace=\"default\",pod=\"web\"";
        foreach (string line in (string[])
        [
            $"container_cpu_usage_seconds_total{{{labels},cpu=\"total\"}} 1.5 1234", $"container_memory_working_set_bytes{{{labels}}} 80 1234", $"container_memory_cache{{{labels}}} 7 1234",
            $"container_cpu_cfs_throttled_seconds_total{{{labels}}} 0.5 1234", $"container_fs_reads_bytes_total{{{labels},device=\"/dev/sda\"}} 4096 1234",
            $"container_fs_usage_bytes{{{labels},device=\"/dev/sda1\"}} 70 1234", $"container_fs_limit_bytes{{{labels},device=\"/dev/sda1\"}} 1000 1234",
            $"container_processes{{{labels}}} 3 1234", $"container_file_descriptors{{{labels}}} 40 1234", $"container_sockets{{{labels}}} 5 1234",
            $"container_threads{{{labels}}} 12 1234", $"container_threads_max{{{labels}}} 0 1234", $"container_ulimits_soft{{{labels},ulimit=\"max_open_files\"}} -1 1234",
            $"container_fs_inodes_free{{{labels},device=\"/dev/sda1\"}} 80 1234", $"container_pressure_io_waiting_seconds_total{{{labels}}} 2.5 1234",
            $"container_pressure_io_stalled_seconds_total{{{labels}}} 0.5 1234", $"container_start_time_seconds{{{labels}}} 9", $"container_spec_memory_limit_bytes{{{labels}}} 0",
            "container_network_receive_bytes_total{container=\"\",id=\"/kubepods/podx/s\",image=\"pause\",name=\"s\",namespace=\"default\",pod=\"web\",interface=\"eth0\"} 1 1234",
            "container_network_transmit_packets_dropped_total{container=\"\",id=\"/kubepods/podx/s\",image=\"pause\",name=\"s\",namespace=\"default\",pod=\"web\",interface=\"eth0\"} 8 1234",
        ])
            Assert.Contains(line + "\n", page, StringComparison.Ordinal);
        Assert.DoesNotContain("container_cpu_user_seconds_total", page, StringComparison.Ordinal);
        Assert.DoesNotContain("container_pressure_cpu", page, StringComparison.Ordinal);
        Core.Stats.Exposition.Parse(page);
    }

    [Fact]
    public void Devices_of_version_2_have_a_line_each() =>
        Assert.Equal([new DeviceIo(8, 0, 4096, 512, 3, 1), new DeviceIo(253, 1, 1, 2, 3, 4)], DeviceIo.ParseStat(System.Text.Encoding.ASCII.GetBytes(Io2)));

    [Fact]
    public void Devices_of_version_1_have_a_line_per_direction() => Assert.Equal(
        [new DeviceIo(8, 0, 4096, 512, 3, 1)],
        DeviceIo.ParseThrottle("8:0 Read 4096\n8:0 Write 512\n8:0 Sync 0\n8:0 Total 4608\nTotal 4608\n"u8, "8:0 Read 3\n8:0 Write 1\nTotal 4\n"u8));

    [Theory]
    [InlineData("")]
    [InlineData("8: rbytes=1\n:0\nx:y rbytes=1\n8:0x rbytes=1")]
    public void What_names_no_device_is_read_past(string text) => Assert.Empty(DeviceIo.ParseStat(System.Text.Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Details_of_version_2_are_read_as_the_kernel_writes_them()
    {
        string group = Directory.CreateDirectory(_root + "/g").FullName;
        File.WriteAllText(group + "/cpu.stat", "usage_usec 7\nuser_usec 5\nsystem_usec 2\nnr_periods 9\nnr_throttled 1\nthrottled_usec 3\n");
        File.WriteAllText(group + "/cpu.max", "50000 100000\n");
        File.WriteAllText(group + "/cpu.weight", "39\n");
        File.WriteAllText(group + "/memory.max", "max\n");
        File.WriteAllText(group + "/memory.events", "low 0\nmax 4\noom 1\noom_kill 2\n");
        File.WriteAllText(group + "/io.stat", Io2);
        File.WriteAllText(group + "/io.pressure", "some avg10=1.50 avg60=0.00 avg300=0.00 total=42\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
        File.WriteAllText(group + "/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.25 total=9\n");
        File.WriteAllText(group + "/memory.swap.current", "4096\n");
        File.WriteAllText(group + "/memory.swap.max", "max\n");
        File.WriteAllText(group + "/pids.current", "11\n");
        File.WriteAllText(group + "/pids.max", "max\n");

        CgroupDetails d = CgroupDetails.Read(new(CgroupMode.Unified, [new(_root, true, [])]), "/g", new byte[CgroupUsageReader.ScratchBytes]);

        Assert.Equal((5000L, 2000L, 9L, 1L, 3000L), (d.UserNanoseconds, d.SystemNanoseconds, d.Periods, d.ThrottledPeriods, d.ThrottledNanoseconds));
        Assert.Equal((50_000L, 100_000L, 998L, null, 4L, 2L), (d.CpuQuota, d.CpuPeriod, d.CpuShares, d.MemoryLimit, d.MemoryFailures, d.OomKills));
        Assert.Equal((11L, 0L), (d.Threads, d.MostThreads));
        Assert.Equal(2, d.Io.Length);
        Assert.Equal(new Pressure(new(1.5, 0, 0, 42), new(0, 0, 0, 7)), d.IoPressure);
        CgroupStrain strain = CgroupStrain.Read(new(CgroupMode.Unified, [new(_root, true, [])]), "/g", new byte[CgroupUsageReader.ScratchBytes]);
        Assert.Equal(new CgroupStrain(4096, null, new(new(0, 0, 0.25, 9), default), null, d.IoPressure), strain);
    }

    [Fact]
    public void A_group_that_is_gone_has_no_details() => Assert.Equal(
        new CgroupDetails(), CgroupDetails.Read(new(CgroupMode.Unified, [new(_root, true, [])]), "/none", new byte[CgroupUsageReader.ScratchBytes]) with { Io = [] });

    [Fact]
    public void Interfaces_are_counted_without_loopback()
    {
        const string text = "Inter-|   Receive  |  Transmit\n face |bytes packets\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0:123 4 5 6 0 0 0 0 7 8 9 10 0 0 0 0\n eth1: broken\n";

        Assert.Equal([new InterfaceCounters("eth0", 123, 4, 5, 6, 7, 8, 9, 10)], InterfaceCounters.Parse(text));
        Assert.Equal("eth0", InterfaceCounters.DefaultOf("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nbr0\t0000580A\t0\t1\t0\t0\t0\t0000FFFF\t0\neth0\t00000000\t0101A8C0\t3\t0\t0\t0\t00000000\t0\n"));
    }
}
