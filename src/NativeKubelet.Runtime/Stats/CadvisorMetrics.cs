using System.Collections.Immutable;
using NativeKubelet.Core.Stats;
using NativeKubelet.Linux.Cgroups;

namespace NativeKubelet.Runtime.Stats;

/// <summary>A control group as /metrics/cadvisor shows it.</summary>
/// <param name="Labels">Of each of its samples.</param>
/// <param name="Interfaces">Only of the row that stands for a network namespace.</param>
/// <param name="Start">Null: not told.</param>
internal sealed record CadvisorRow(string Labels, UsageSample? Usage, CgroupDetails? Details, ImmutableArray<InterfaceFigures> Interfaces, DateTimeOffset? Start)
{
    public ImmutableArray<FileSystemRow> Disks { get; init; } = [];

    /// <summary>Only those in the group itself.</summary>
    public GroupProcesses? Processes { get; init; }

    /// <summary>How many files the first process may open; below zero: any number.</summary>
    public long? OpenFilesLimit { get; init; }
}

/// <summary>
/// /metrics/cadvisor (spec 20 §10.2): the series that kube-prometheus's rules and dashboards read. Every series has the labels container,
/// id, image, name, namespace and pod, empty where they do not apply.
/// </summary>
internal static class CadvisorMetrics
{
    public static string Labels(string id, string name = "", string image = "", string container = "", string pod = "", string space = "") => string.Join(
        ',', MetricText.Label("container", container), MetricText.Label("id", id), MetricText.Label("image", image), MetricText.Label("name", name),
        MetricText.Label("namespace", space), MetricText.Label("pod", pod));

    public static void Write(IReadOnlyList<CadvisorRow> rows, long at, Func<int, int, string> device, MetricText to)
    {
        Cpu(rows, at, to);
        Memory(rows, at, to);
        Disk(rows, at, device, to);
        FileSystems(rows, at, to);
        Pressures(rows, at, to);
        Network(rows, at, to);
        Processes(rows, at, to);
        Each(to, rows, "container_oom_events_total", "counter", "Count of out of memory events observed for the container", at, r => r.Details?.OomKills);
        Spec(rows, to);
        to.Family("container_last_seen", "gauge", "Last time a container was seen by the exporter");
        foreach (CadvisorRow row in rows) to.Sample(row.Labels, at / 1000, at);
        to.Family("container_scrape_error", "gauge", "1 if there was an error while getting container metrics, 0 otherwise").Sample("", 0);
    }

    private static void Cpu(IReadOnlyList<CadvisorRow> rows, long at, MetricText to)
    {
        to.Family("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.");
        foreach (CadvisorRow row in rows) to.Seconds(row.Labels, row.Usage?.Usage.CpuNanoseconds, at, "cpu=\"total\"");
        Seconds(to, rows, "container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds.", at, r => r.Details?.UserNanoseconds);
        Seconds(to, rows, "container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds.", at, r => r.Details?.SystemNanoseconds);
        // Where there is no quota nothing can be throttled, and nothing is told.
        Each(to, rows, "container_cpu_cfs_periods_total", "counter", "Number of elapsed enforcement period intervals.", at, r => r.Details is { CpuQuota: not null } d ? d.Periods : null);
        Each(to, rows, "container_cpu_cfs_throttled_periods_total", "counter", "Number of throttled period intervals.", at, r => r.Details is { CpuQuota: not null } d ? d.ThrottledPeriods : null);
        Seconds(to, rows, "container_cpu_cfs_throttled_seconds_total", "Total time duration the container has been throttled.", at, r => r.Details is { CpuQuota: not null } d ? d.ThrottledNanoseconds : null);
    }

    private static void Memory(IReadOnlyList<CadvisorRow> rows, long at, MetricText to)
    {
        Each(to, rows, "container_memory_usage_bytes", "gauge", "Current memory usage in bytes, including all memory regardless of when it was accessed", at, r => r.Usage?.Usage.Memory);
        Each(to, rows, "container_memory_working_set_bytes", "gauge", "Current working set in bytes.", at, r => r.Usage?.Usage.WorkingSet);
        Each(to, rows, "container_memory_rss", "gauge", "Size of RSS in bytes.", at, r => r.Usage?.Usage.Rss);
        Each(to, rows, "container_memory_cache", "gauge", "Number of bytes of page cache memory.", at, r => r.Details?.Cache);
        Each(to, rows, "container_memory_swap", "gauge", "Container swap usage in bytes.", at, r => r.Details?.Swap);
        Each(to, rows, "container_memory_mapped_file", "gauge", "Size of memory mapped files in bytes.", at, r => r.Details?.MappedFile);
        Each(to, rows, "container_memory_kernel_usage", "gauge", "Size of kernel memory allocated in bytes.", at, r => r.Details?.KernelMemory);
        Each(to, rows, "container_memory_max_usage_bytes", "gauge", "Maximum memory usage recorded in bytes", at, r => r.Details?.MostMemory);
        Each(to, rows, "container_memory_failcnt", "counter", "Number of memory usage hits limits", at, r => r.Details?.MemoryFailures);
        Each(to, rows, "container_memory_total_active_file_bytes", "gauge", "Current total active file in bytes.", at, r => r.Details?.ActiveFile);
        Each(to, rows, "container_memory_total_inactive_file_bytes", "gauge", "Current total inactive file in bytes.", at, r => r.Details?.InactiveFile);
        to.Family("container_memory_failures_total", "counter", "Cumulative count of memory allocation failures.");
        foreach (CadvisorRow row in rows)
        {
            to.Known(row.Labels, row.Usage?.Usage.PageFaults, at, "failure_type=\"pgfault\",scope=\"hierarchy\"");
            to.Known(row.Labels, row.Usage?.Usage.MajorFaults, at, "failure_type=\"pgmajfault\",scope=\"hierarchy\"");
        }
    }

    private static void Disk(IReadOnlyList<CadvisorRow> rows, long at, Func<int, int, string> device, MetricText to)
    {
        Devices("container_fs_reads_total", "Cumulative count of reads completed", d => d.Reads);
        Devices("container_fs_reads_bytes_total", "Cumulative count of bytes read", d => d.ReadBytes);
        Devices("container_fs_writes_total", "Cumulative count of writes completed", d => d.Writes);
        Devices("container_fs_writes_bytes_total", "Cumulative count of bytes written", d => d.WriteBytes);

        void Devices(string name, string help, Func<DeviceIo, long> value)
        {
            to.Family(name, "counter", help);
            foreach (CadvisorRow row in rows)
                foreach (DeviceIo io in row.Details?.Io ?? [])
                    to.Sample(row.Labels, value(io), at, MetricText.Label("device", device(io.Major, io.Minor)));
        }
    }

    private static void FileSystems(IReadOnlyList<CadvisorRow> rows, long at, MetricText to)
    {
        Of("container_fs_usage_bytes", "Number of bytes that are consumed by the container on this filesystem.", d => d.UsedBytes);
        Of("container_fs_limit_bytes", "Number of bytes that can be consumed by the container on this filesystem.", d => d.LimitBytes);
        Of("container_fs_inodes_free", "Number of available Inodes", d => d.FreeInodes);
        Of("container_fs_inodes_total", "Number of Inodes", d => d.Inodes);

        void Of(string name, string help, Func<FileSystemRow, long> value)
        {
            to.Family(name, "gauge", help);
            foreach (CadvisorRow row in rows)
                foreach (FileSystemRow disk in row.Disks) to.Sample(row.Labels, value(disk), at, MetricText.Label("device", disk.Device));
        }
    }

    /// <summary>Waiting: at least one task did; stalled: all did.</summary>
    private static void Pressures(IReadOnlyList<CadvisorRow> rows, long at, MetricText to)
    {
        foreach ((string what, Func<CgroupDetails, Pressure?> of) in ((string, Func<CgroupDetails, Pressure?>)[])
                 [("cpu", d => d.CpuPressure), ("memory", d => d.MemoryPressure), ("io", d => d.IoPressure)])
        {
            Seconds(to, rows, $"container_pressure_{what}_waiting_seconds_total", $"Total time duration tasks in the container have waited due to {what} congestion.", at, r => Nanoseconds(r, of)?.Some);
            Seconds(to, rows, $"container_pressure_{what}_stalled_seconds_total", $"Total time duration no tasks in the container could make progress due to {what} congestion.", at, r => Nanoseconds(r, of)?.Full);
        }

        static (long Some, long Full)? Nanoseconds(CadvisorRow row, Func<CgroupDetails, Pressure?> of) =>
            row.Details is { } details && of(details) is { } known ? (known.Some.TotalMicroseconds * 1000, known.Full.TotalMicroseconds * 1000) : null;
    }

    private static void Network(IReadOnlyList<CadvisorRow> rows, long at, MetricText to)
    {
        Interfaces("receive_bytes", "Cumulative count of bytes received", i => i.RxBytes);
        Interfaces("receive_packets", "Cumulative count of packets received", i => i.RxPackets);
        Interfaces("receive_errors", "Cumulative count of errors encountered while receiving", i => i.RxErrors);
        Interfaces("receive_packets_dropped", "Cumulative count of packets dropped while receiving", i => i.RxDropped);
        Interfaces("transmit_bytes", "Cumulative count of bytes transmitted", i => i.TxBytes);
        Interfaces("transmit_packets", "Cumulative count of packets transmitted", i => i.TxPackets);
        Interfaces("transmit_errors", "Cumulative count of errors encountered while transmitting", i => i.TxErrors);
        Interfaces("transmit_packets_dropped", "Cumulative count of packets dropped while transmitting", i => i.TxDropped);

        void Interfaces(string what, string help, Func<InterfaceFigures, long> value)
        {
            to.Family($"container_network_{what}_total", "counter", help);
            foreach (CadvisorRow row in rows)
                foreach (InterfaceFigures own in row.Interfaces)
                    to.Sample(row.Labels, value(own), at, MetricText.Label("interface", own.Name));
        }
    }

    private static void Processes(IReadOnlyList<CadvisorRow> rows, long at, MetricText to)
    {
        Each(to, rows, "container_processes", "gauge", "Number of processes running inside the container.", at, r => r.Processes?.Count);
        Each(to, rows, "container_file_descriptors", "gauge", "Number of open file descriptors for the container.", at, r => r.Processes?.Descriptors);
        Each(to, rows, "container_sockets", "gauge", "Number of open sockets for the container.", at, r => r.Processes?.Sockets);
        Each(to, rows, "container_threads_max", "gauge", "Maximum number of threads allowed inside the container, infinity if value is zero", at, r => r.Details?.MostThreads);
        // The machine as a whole has no such file; its tasks were counted with the sample.
        Each(to, rows, "container_threads", "gauge", "Number of threads running inside the container", at, r => r.Details?.Threads ?? r.Usage?.Usage.Pids);
        to.Family("container_ulimits_soft", "gauge", "Soft ulimit values for the container root process. Unlimited if -1, except priority and nice");
        foreach (CadvisorRow row in rows) to.Known(row.Labels, row.OpenFilesLimit, at, MetricText.Label("ulimit", "max_open_files"));
    }

    private static void Spec(IReadOnlyList<CadvisorRow> rows, MetricText to)
    {
        to.Family("container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds.");
        foreach (CadvisorRow row in rows)
            if (row.Start is { } start) to.Sample(row.Labels, start.ToUnixTimeSeconds());
        Each(to, rows, "container_spec_cpu_period", "gauge", "CPU period of the container.", null, r => r.Details?.CpuPeriod);
        Each(to, rows, "container_spec_cpu_quota", "gauge", "CPU quota of the container.", null, r => r.Details?.CpuQuota);
        Each(to, rows, "container_spec_cpu_shares", "gauge", "CPU share of the container.", null, r => r.Details?.CpuShares);
        Each(to, rows, "container_spec_memory_limit_bytes", "gauge", "Memory limit for the container.", null, r => r.Details is { } d ? d.MemoryLimit ?? 0 : null);
    }

    private static void Each(MetricText to, IReadOnlyList<CadvisorRow> rows, string name, string type, string help, long? at, Func<CadvisorRow, long?> value)
    {
        to.Family(name, type, help);
        foreach (CadvisorRow row in rows) to.Known(row.Labels, value(row), at);
    }

    private static void Seconds(MetricText to, IReadOnlyList<CadvisorRow> rows, string name, string help, long at, Func<CadvisorRow, long?> nanoseconds)
    {
        to.Family(name, "counter", help);
        foreach (CadvisorRow row in rows) to.Seconds(row.Labels, nanoseconds(row), at);
    }
}
