using k8s.Models;

namespace NativeKubelet.Core.Resources;

public enum QosClass { Guaranteed, Burstable, BestEffort }

/// <summary>The quality of service that a pod's requests and limits add up to (spec 40 §1).</summary>
public static class QosClasses
{
    private static readonly string[] Counted = ["cpu", "memory"];

    /// <summary>A class once given is kept: it never changes through a resize.</summary>
    public static QosClass Of(V1Pod pod) => pod.Status?.QosClass switch
    {
        "Guaranteed" => QosClass.Guaranteed,
        "Burstable" => QosClass.Burstable,
        "BestEffort" => QosClass.BestEffort,
        _ => Compute(pod.Spec),
    };

    public static QosClass Compute(V1PodSpec spec)
    {
        if (PodResources.PodLevelSet(spec))
            return Judge([(PodResources.Requests(spec, withOverhead: false), PodResources.Limits(spec, withOverhead: false))]);
        return Judge([.. PodResources.AllContainers(spec).Select(c => (PodResources.RequestsOf(c), PodResources.LimitsOf(c)))]);
    }

    private static QosClass Judge((ResourceAmounts Requests, ResourceAmounts Limits)[] parts)
    {
        bool any = false, guaranteed = true;
        foreach ((ResourceAmounts requests, ResourceAmounts limits) in parts)
            foreach (string name in Counted)
            {
                Quantity request = requests[name], limit = limits[name];
                any |= request.IsPositive || limit.IsPositive;
                guaranteed &= limit.IsPositive && request == limit;
            }
        return !any ? QosClass.BestEffort : guaranteed ? QosClass.Guaranteed : QosClass.Burstable;
    }
}
