using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Resize;

/// <summary>A memory limit is not lowered below what is in use: the kernel would kill for it, or refuse half-way.</summary>
public static class MemoryGuard
{
    /// <param name="before">The pod as its group is; null: not known.</param>
    /// <param name="usage">Bytes in use, of a container's ID or (null) the whole pod; null: not known.</param>
    /// <returns>What speaks against the resize; null: nothing.</returns>
    public static string? Refuse(V1Pod? before, V1Pod after, IEnumerable<ContainerResize> containers, LimitSettings settings, Func<string?, long?> usage)
    {
        List<string> faults = [];
        if (PodCgroupLimits.MemoryOf(after) is { } limit && QosClasses.Of(after) != QosClass.BestEffort && Lowers(before is null ? null : PodCgroupLimits.MemoryOf(before), limit))
            Judge(usage(null), limit, "pod");
        foreach (ContainerResize resize in containers)
        {
            V1Container container = PodResources.AllContainers(after.Spec).First(c => c.Name == resize.Name);
            if (ContainerLimits.Compute(after, container, settings).Memory?.Limit is { } own && Lowers(resize.From?.MemoryLimit, own))
                Judge(usage(resize.Id), own, $"container \"{resize.Name}\"");
        }
        return faults.Count == 0 ? null : $"cannot decrease memory limits: {(faults.Count == 1 ? faults[0] : $"[{string.Join(", ", faults)}]")}";

        void Judge(long? used, long wanted, string what)
        {
            if (used is null) faults.Add($"missing {what} memory usage");
            else if (used >= wanted) faults.Add($"attempting to set {what} memory limit ({wanted}) below current usage ({used})");
        }
    }

    private static bool Lowers(long? before, long after) => before is null || after < before;
}
