using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Resize;

/// <summary>May a pod that runs here have what its newer spec asks for? And who is asked first.</summary>
public static class ResizeAdmission
{
    /// <param name="wanted">The pod as it asks to be.</param>
    /// <param name="granted">The pod as it was granted.</param>
    /// <param name="admit">What is asked of a new pod, beside all others of the node.</param>
    /// <returns>Null: it may.</returns>
    public static ResizePending? Check(V1Pod wanted, V1Pod granted, Func<V1Pod, AdmissionRefusal?> admit, LimitSettings settings)
    {
        long generation = wanted.Metadata.Generation ?? 0;
        if (ChangesSwap(wanted, granted, settings)) return new(ResizePending.Infeasible, "In-place resize of containers with swap is not supported.", generation);
        return admit(wanted) is { } refusal ? new(refusal.Reason, refusal.Message, generation) : null;
    }

    /// <summary>Those that give back first, then by priority and class, then who has waited longest.</summary>
    /// <param name="pending">Wanted, granted, and since when it waits; null: it does not yet.</param>
    public static IEnumerable<T> Order<T>(IEnumerable<T> pending, Func<T, (V1Pod Wanted, V1Pod Granted, DateTimeOffset? Since)> of) =>
        from item in pending
        let pod = of(item)
        orderby Increases(pod.Wanted, pod.Granted), -(long)(pod.Wanted.Spec.Priority ?? 0), QosClasses.Of(pod.Wanted) != QosClass.Guaranteed, pod.Since ?? DateTimeOffset.MaxValue
        select item;

    private static bool Increases(V1Pod wanted, V1Pod granted)
    {
        ResourceAmounts after = PodResources.Requests(wanted.Spec), before = PodResources.Requests(granted.Spec);
        return after["cpu"] > before["cpu"] || after["memory"] > before["memory"];
    }

    /// <summary>A container's share of swap follows from its memory request, and is given at its start only.</summary>
    private static bool ChangesSwap(V1Pod wanted, V1Pod granted, LimitSettings settings)
    {
        foreach (V1Container after in PodResources.AllContainers(wanted.Spec))
        {
            if (PodResources.AllContainers(granted.Spec).FirstOrDefault(c => c.Name == after.Name) is not { } before) continue;
            if (ResizableAmounts.Of(after.Resources).MemoryRequest == ResizableAmounts.Of(before.Resources).MemoryRequest || ResizePolicy.Restarts(before, "memory")) continue;
            if (ContainerLimits.MaySwap(wanted, after, settings) || ContainerLimits.MaySwap(granted, before, settings)) return true;
        }
        return false;
    }
}
