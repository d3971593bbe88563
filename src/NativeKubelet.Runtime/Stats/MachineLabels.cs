using NativeKubelet.Core.Stats;

namespace NativeKubelet.Runtime.Stats;

/// <summary>What never changes while the agent runs, as the metrics tell it.</summary>
public sealed record MachineLabels(string MachineId, string SystemUuid, string BootId, string KernelRelease, string OsImage, int Cpus, long MemoryBytes, long SwapBytes, string Version)
{
    internal void Write(MetricText to)
    {
        string labels = string.Join(',', MetricText.Label("boot_id", BootId), MetricText.Label("machine_id", MachineId), MetricText.Label("system_uuid", SystemUuid));
        to.Family("machine_cpu_cores", "gauge", "Number of logical CPU cores.").Sample(labels, Cpus);
        to.Family("machine_memory_bytes", "gauge", "Amount of memory installed on the machine.").Sample(labels, MemoryBytes);
        to.Family("machine_swap_bytes", "gauge", "Amount of swap memory available on the machine.").Sample(labels, SwapBytes);
        to.Family("cadvisor_version_info", "gauge", "A metric with a constant '1' value labeled by kernel version, OS version, docker version, cadvisor version & cadvisor revision.")
            .Sample(string.Join(
                ',', MetricText.Label("cadvisorRevision", ""), MetricText.Label("cadvisorVersion", Version), MetricText.Label("dockerVersion", ""),
                MetricText.Label("kernelVersion", KernelRelease), MetricText.Label("osVersion", OsImage)), 1);
    }
}
