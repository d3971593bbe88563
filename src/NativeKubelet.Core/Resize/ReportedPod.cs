using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Resize;

/// <summary>What a status says a pod as a whole was granted, and has.</summary>
public static class ReportedPod
{
    /// <summary>All that it asks for, as it was granted: its own amounts, those of its containers where it has none, and its overhead.</summary>
    public static IDictionary<string, ResourceQuantity>? Allocated(V1PodSpec granted) => List(PodResources.Requests(granted));

    /// <summary>What it will be bounded by, its overhead with it.</summary>
    public static IDictionary<string, ResourceQuantity>? Limits(V1PodSpec granted) => List(PodResources.Limits(granted));

    /// <param name="inForce">What its group was given last.</param>
    public static V1ResourceRequirements Has(V1Pod granted, PodAllocation inForce)
    {
        V1Pod has = inForce.Apply(granted);
        ResizableAmounts own = ResizableAmounts.Of(has.Spec.Resources);
        ResourceAmounts requests = PodResources.Requests(has.Spec);
        return PodAllocation.With(granted.Spec.Resources, new(
            Told(ReportedAmounts.LeastRequest, requests.Has("cpu") ? requests["cpu"].Milli : null, own.CpuRequest),
            Told(ReportedAmounts.LeastLimit, PodCgroupLimits.CpuOf(has), own.CpuLimit),
            requests.Has("memory") ? requests["memory"].Whole : null,
            PodCgroupLimits.MemoryOf(has) ?? own.MemoryLimit));
    }

    /// <summary>What the kernel cannot tell from its least is told only as far as the pod itself sets it.</summary>
    private static long? Told(long least, long? inGroup, long? own) => inGroup is { } amount && (amount > least || own > least) ? Math.Max(amount, least) : own;

    private static Dictionary<string, ResourceQuantity>? List(ResourceAmounts amounts) =>
        amounts.ByName.Count == 0 ? null : amounts.ByName.ToDictionary(a => a.Key, a => new ResourceQuantity(a.Value.ToString()));
}
