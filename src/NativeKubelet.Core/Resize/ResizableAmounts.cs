using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Resize;

/// <summary>What of a container's or a pod's resources can change while it runs: CPU in thousandths, memory in bytes. Null: not set.</summary>
public sealed record ResizableAmounts(long? CpuRequest, long? CpuLimit, long? MemoryRequest, long? MemoryLimit)
{
    public static readonly ResizableAmounts None = new(null, null, null, null);

    /// <exception cref="FormatException">An amount is not a quantity; the message names the resource.</exception>
    public static ResizableAmounts Of(V1ResourceRequirements? resources)
    {
        if (resources is null) return None;
        ResourceAmounts requests = ResourceAmounts.From(resources.Requests), limits = ResourceAmounts.From(resources.Limits);
        return new(
            requests.Has("cpu") ? requests["cpu"].Milli : null, limits.Has("cpu") ? limits["cpu"].Milli : null,
            requests.Has("memory") ? requests["memory"].Whole : null, limits.Has("memory") ? limits["memory"].Whole : null);
    }

    /// <summary>What a container's own group is given: one without a limit of its own has its pod's.</summary>
    /// <exception cref="FormatException">As above.</exception>
    public static ResizableAmounts InForce(V1PodSpec spec, V1Container container)
    {
        ResizableAmounts own = Of(container.Resources);
        return own with
        {
            CpuLimit = own.CpuLimit ?? PodResources.PodLevelLimit(spec, "cpu")?.Milli,
            MemoryLimit = own.MemoryLimit ?? PodResources.PodLevelLimit(spec, "memory")?.Whole,
        };
    }

    public bool SameCpu(ResizableAmounts other) => CpuRequest == other.CpuRequest && CpuLimit == other.CpuLimit;

    public bool SameMemory(ResizableAmounts other) => MemoryRequest == other.MemoryRequest && MemoryLimit == other.MemoryLimit;
}
