using NativeKubelet.Api.Local;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime.Machines;

namespace NativeKubelet.Cli.Top;

/// <summary>One look at the node: what the agent said at one moment.</summary>
public sealed record TopFrame(NodeDocument Node, PodListDocument Pods, UsageDocument Usage, TopCapacity Capacity);

/// <summary>What the machine has; 0 where that is not known.</summary>
public sealed record TopCapacity(long MilliCores, long MemoryBytes)
{
    /// <summary>Of this machine. The verb may be held to fewer CPUs itself, so that the kernel's list counts.</summary>
    public static TopCapacity OfMachine()
    {
        try
        {
            return new((MachineText.CpuCount(File.ReadAllText("/sys/devices/system/cpu/online")) ?? 0) * 1000L, MachineMemory.Total());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return new(0, 0);
        }
    }
}

/// <summary>The node as a whole, a pod or a container of it, and its figures through the history.</summary>
/// <param name="Indent">2 for the containers of a pod.</param>
/// <param name="Cpu">Millicores, oldest first; null where there was no sample.</param>
/// <param name="Memory">Bytes of the working set.</param>
/// <param name="CpuLimit">Null: no limit.</param>
internal sealed record TopRow(
    string Name, int Indent, IReadOnlyList<double?> Cpu, IReadOnlyList<double?> Memory, double? CpuLimit, double? MemoryLimit, long? Pids)
{
    public static TopRow OfNode(IReadOnlyList<TopFrame> history)
    {
        TopFrame now = history[^1];
        return Of(now.Node.Name, 0, [.. history.Select(f => f.Usage.Node)], Known(now.Capacity.MilliCores), Known(now.Capacity.MemoryBytes));
    }

    /// <summary>Each pod, and below it its containers when there is more than one to tell apart.</summary>
    public static IEnumerable<(PodDocument Pod, TopRow Total, IReadOnlyList<TopRow> Containers)> OfPods(IReadOnlyList<TopFrame> history)
    {
        foreach (PodDocument pod in history[^1].Pods.Pods)
        {
            PodUsageDocument?[] past = [.. history.Select(f => f.Usage.Pods.FirstOrDefault(p => p.Uid == pod.Uid))];
            // A pod is limited when each of its containers is.
            double? cpu = pod.Containers.All(c => c.CpuLimitMillicores is > 0) ? pod.Containers.Sum(c => c.CpuLimitMillicores) : null;
            double? memory = pod.Containers.All(c => c.MemoryLimitBytes is > 0) ? pod.Containers.Sum(c => c.MemoryLimitBytes) : null;
            yield return (
                pod,
                Of($"{pod.Namespace}/{pod.Name}", 0, [.. past.Select(p => p?.Total)], cpu, memory),
                [.. pod.Containers.Select(c => Of(
                    c.Name, 2, [.. past.Select(p => p?.Containers.FirstOrDefault(u => u.Name == c.Name)?.Usage)], Known(c.CpuLimitMillicores), Known(c.MemoryLimitBytes)))]);
        }
    }

    private static TopRow Of(string name, int indent, IReadOnlyList<UsageFigures?> past, double? cpuLimit, double? memoryLimit) => new(
        name, indent, [.. past.Select(f => f?.CpuNanoCores / 1e6)], [.. past.Select(f => (double?)f?.WorkingSetBytes)], cpuLimit, memoryLimit, past[^1]?.Pids);

    private static double? Known(long? value) => value is > 0 ? value : null;
}
