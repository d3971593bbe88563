using System.Collections.Immutable;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>What a group tells beside its <see cref="CgroupUsage"/>. Null: the kernel does not say, or nothing is set.</summary>
public sealed record CgroupDetails
{
    public long? UserNanoseconds { get; init; }
    public long? SystemNanoseconds { get; init; }
    public long? Periods { get; init; }
    public long? ThrottledPeriods { get; init; }
    public long? ThrottledNanoseconds { get; init; }
    /// <summary>In microseconds, with <see cref="CpuPeriod"/>; null: no quota.</summary>
    public long? CpuQuota { get; init; }
    public long? CpuPeriod { get; init; }
    public long? CpuShares { get; init; }
    public long? Cache { get; init; }
    public long? MappedFile { get; init; }
    public long? Swap { get; init; }
    public long? MostMemory { get; init; }
    public long? MemoryFailures { get; init; }
    public long? ActiveFile { get; init; }
    public long? InactiveFile { get; init; }
    public long? KernelMemory { get; init; }
    /// <summary>Null: no limit.</summary>
    public long? MemoryLimit { get; init; }
    public long? OomKills { get; init; }
    public long? Threads { get; init; }
    /// <summary>0: any number.</summary>
    public long? MostThreads { get; init; }
    public ImmutableArray<DeviceIo> Io { get; init; } = [];
    public Pressure? CpuPressure { get; init; }
    public Pressure? MemoryPressure { get; init; }
    public Pressure? IoPressure { get; init; }

    /// <summary>Reads one group's files once: for those who ask now and then. What is not there stays null.</summary>
    /// <param name="scratch">Of <see cref="CgroupUsageReader.ScratchBytes"/>.</param>
    public static CgroupDetails Read(CgroupLayout layout, string group, byte[] scratch)
    {
        GroupFiles files = new(layout, group, scratch);
        CgroupDetails details = layout.Unified ? Unified(files) : Legacy(files);
        ReadOnlySpan<byte> most = files.Text("pids", "pids.max");
        details = details with { MostThreads = most.IsEmpty ? null : CgroupText.Single(most) ?? 0 };
        return details with { Threads = CgroupText.Single(files.Text("pids", "pids.current")) };
    }

    private static CgroupDetails Unified(GroupFiles files)
    {
        ReadOnlySpan<byte> text = files.Text("cpu", "cpu.stat");
        CgroupDetails d = new()
        {
            UserNanoseconds = CgroupText.Keyed(text, "user_usec"u8) * 1000,
            SystemNanoseconds = CgroupText.Keyed(text, "system_usec"u8) * 1000,
            Periods = CgroupText.Keyed(text, "nr_periods"u8),
            ThrottledPeriods = CgroupText.Keyed(text, "nr_throttled"u8),
            ThrottledNanoseconds = CgroupText.Keyed(text, "throttled_usec"u8) * 1000,
        };
        text = files.Text("cpu", "cpu.max");
        int blank = text.IndexOf((byte)' ');
        if (blank > 0) d = d with { CpuQuota = CgroupText.Single(text[..blank]), CpuPeriod = CgroupText.Single(text[(blank + 1)..]) };
        // The weight of 1 to 10,000 in the measure of shares that metrics are told in, by the kernel's older conversion.
        if (CgroupText.Single(files.Text("cpu", "cpu.weight")) is { } weight) d = d with { CpuShares = 2 + ((weight - 1) * 262142 / 9999) };
        text = files.Text("memory", "memory.stat");
        d = d with
        {
            Cache = CgroupText.Keyed(text, "file"u8),
            MappedFile = CgroupText.Keyed(text, "file_mapped"u8),
            ActiveFile = CgroupText.Keyed(text, "active_file"u8),
            InactiveFile = CgroupText.Keyed(text, "inactive_file"u8),
            KernelMemory = CgroupText.Keyed(text, "kernel"u8),
        };
        text = files.Text("memory", "memory.events");
        d = d with { MemoryFailures = CgroupText.Keyed(text, "max"u8), OomKills = CgroupText.Keyed(text, "oom_kill"u8) };
        return d with
        {
            Swap = CgroupText.Single(files.Text("memory", "memory.swap.current")),
            MostMemory = CgroupText.Single(files.Text("memory", "memory.peak")),
            MemoryLimit = CgroupText.Single(files.Text("memory", "memory.max")),
            Io = DeviceIo.ParseStat(files.Text("io", "io.stat")),
            CpuPressure = Pressure.Parse(files.Text("cpu", "cpu.pressure")),
            MemoryPressure = Pressure.Parse(files.Text("memory", "memory.pressure")),
            IoPressure = Pressure.Parse(files.Text("io", "io.pressure")),
        };
    }

    private static CgroupDetails Legacy(GroupFiles files)
    {
        const long unlimited = 0x7FFF_FFFF_FFFF_0000;     // the largest that fits into whole pages of any size
        ReadOnlySpan<byte> text = files.Text("cpu", "cpu.stat");
        CgroupDetails d = new()
        {
            Periods = CgroupText.Keyed(text, "nr_periods"u8),
            ThrottledPeriods = CgroupText.Keyed(text, "nr_throttled"u8),
            ThrottledNanoseconds = CgroupText.Keyed(text, "throttled_time"u8),
        };
        d = d with
        {
            UserNanoseconds = CgroupText.Single(files.Text("cpuacct", "cpuacct.usage_user")),
            SystemNanoseconds = CgroupText.Single(files.Text("cpuacct", "cpuacct.usage_sys")),
            CpuPeriod = CgroupText.Single(files.Text("cpu", "cpu.cfs_period_us")),
            CpuShares = CgroupText.Single(files.Text("cpu", "cpu.shares")),
        };
        if (CgroupText.Single(files.Text("cpu", "cpu.cfs_quota_us")) is > 0 and { } quota) d = d with { CpuQuota = quota };
        text = files.Text("memory", "memory.stat");
        d = d with
        {
            Cache = CgroupText.Keyed(text, "total_cache"u8),
            MappedFile = CgroupText.Keyed(text, "total_mapped_file"u8),
            Swap = CgroupText.Keyed(text, "total_swap"u8),
            ActiveFile = CgroupText.Keyed(text, "total_active_file"u8),
            InactiveFile = CgroupText.Keyed(text, "total_inactive_file"u8),
        };
        if (CgroupText.Single(files.Text("memory", "memory.limit_in_bytes")) is < unlimited and { } limit) d = d with { MemoryLimit = limit };
        d = d with
        {
            MostMemory = CgroupText.Single(files.Text("memory", "memory.max_usage_in_bytes")),
            MemoryFailures = CgroupText.Single(files.Text("memory", "memory.failcnt")),
            KernelMemory = CgroupText.Single(files.Text("memory", "memory.kmem.usage_in_bytes")),
            OomKills = CgroupText.Keyed(files.Text("memory", "memory.oom_control"), "oom_kill"u8),
        };
        byte[] bytes = files.Text("blkio", "blkio.throttle.io_service_bytes_recursive").ToArray();
        return d with { Io = DeviceIo.ParseThrottle(bytes, files.Text("blkio", "blkio.throttle.io_serviced_recursive")) };
    }
}
