using System.Collections.Immutable;

namespace NativeKubelet.Core.Containers;

/// <summary>What of /proc and /sys tells of the host, or would let a container change it (the OCI default set).</summary>
internal static class KernelPaths
{
    /// <summary>Hidden. The thermal_throttle directories of the machine's CPUs come beside them.</summary>
    public static ImmutableArray<string> Masked { get; } =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    public static ImmutableArray<string> ReadOnly { get; } = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
}
