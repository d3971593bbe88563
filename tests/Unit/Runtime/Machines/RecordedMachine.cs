using NativeKubelet.Runtime.Machines;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.Runtime.Machines;

/// <summary>Files of /proc and /sys as read on real machines, in a directory of their own.</summary>
internal sealed class RecordedMachine : IDisposable
{
    private const string Common = "36 35 98:0 / / rw,noatime - ext4 /dev/root rw\n";

    private readonly TemporaryDirectory _root = new();

    private RecordedMachine()
    {
    }

    /// <summary>Two CPUs, version 1 with a useless version 2 beside it, root without CAP_SYS_RESOURCE.</summary>
    public static RecordedMachine Appliance() => new RecordedMachine()
        .With("/proc/self/mountinfo", Common + string.Concat(((string[])["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"])
            .Select((c, i) => $"{40 + i} 39 0:{30 + i} / /sys/fs/cgroup/{c} rw,relatime - cgroup {c} rw,{c}\n")) + "60 39 0:50 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")
        .With("/proc/meminfo", "MemTotal:       24684084 kB\nMemFree:        23246752 kB\nSwapTotal:             0 kB\nHugePages_Total:       0\n")
        .With("/proc/self/status", "Name:\tx\nCapInh:\t0000000000000000\nCapPrm:\t000001fffeffffff\nCapEff:\t000001fffeffffff\nCapBnd:\t000001fffeffffff\nSeccomp:\t0\n")
        .With("/proc/self/oom_score_adj", "-300\n")
        .With("/proc/self/uid_map", "         0          0 4294967295\n")
        .With("/proc/self/ns/cgroup", "").With("/proc/self/ns/user", "")
        .With("/proc/sys/kernel/pid_max", "32768\n").With("/proc/sys/kernel/threads-max", "192730\n")
        .With("/proc/sys/kernel/osrelease", "6.18.44\n").With("/proc/sys/kernel/random/boot_id", "2f1a1b1c-0000-4000-8000-000000000001\n")
        .With("/proc/filesystems", "nodev\tsysfs\n\text4\n\toverlay\n")
        .With("/sys/devices/system/cpu/online", "0-1\n")
        .With("/sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "0\n").With("/sys/devices/system/cpu/cpu0/online", "1\n")
        .With("/sys/devices/system/cpu/cpufreq/policy0", "")
        .With("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", "9223372036854771712\n")
        .With("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n").With("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");

    /// <summary>A Raspberry Pi as installed: version 2, whose memory controller the firmware turned off; overlayfs as a module.</summary>
    public static RecordedMachine RaspberryPi() => new RecordedMachine()
        .With("/proc/self/mountinfo", Common + "30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n")
        .With("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids\n")
        .With("/proc/meminfo", "MemTotal:        8245508 kB\nSwapTotal:        524272 kB\n")
        .With("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\nSeccomp:\t0\n")
        .With("/proc/self/oom_score_adj", "0\n").With("/proc/self/uid_map", "         0          0 4294967295\n")
        .With("/proc/self/ns/cgroup", "").With("/proc/self/ns/user", "")
        .With("/proc/sys/kernel/pid_max", "4194304\n").With("/proc/sys/kernel/threads-max", "63476\n")
        .With("/proc/sys/kernel/osrelease", "6.6.31+rpt-rpi-v8\n").With("/proc/sys/kernel/random/boot_id", "2f1a1b1c-0000-4000-8000-000000000002\n")
        .With("/proc/filesystems", "nodev\tsysfs\n\text4\n").With("/lib/modules/6.6.31+rpt-rpi-v8/modules.dep", "kernel/fs/overlayfs/overlay.ko.xz:\n")
        .With("/sys/module/apparmor/parameters/enabled", "Y\n")
        .With("/sys/devices/system/cpu/online", "0-3\n");

    public RecordedMachine With(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root.Path + path)!);
        File.WriteAllText(_root.Path + path, content);
        return this;
    }

    public RecordedMachine Without(string path)
    {
        File.Delete(_root.Path + path);
        return this;
    }

    public MachineFacts Read() => MachineReader.Read(_root.Path);

    public void Dispose() => _root.Dispose();
}
