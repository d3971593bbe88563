using k8s.Models;

namespace NativeKubelet.Core.Resources;

/// <summary>Values of a pod's own group (spec 40 §4.2).</summary>
public static class PodCgroupLimits
{
    /// <exception cref="FormatException">An amount in the pod is not a quantity, or asks for pages that are not here.</exception>
    public static GroupLimits Compute(V1Pod pod, LimitSettings settings)
    {
        V1PodSpec spec = pod.Spec;
        QosClass qos = QosClasses.Of(pod);
        ResourceAmounts requests = PodResources.Requests(spec), limits = PodResources.Limits(spec);
        GroupLimits result = new(
            CpuShares: qos == QosClass.BestEffort ? CpuConversions.LeastShares : CpuConversions.Shares(requests["cpu"].Milli),
            Pids: settings.PodPids > 0 ? settings.PodPids : null,
            Hugepages: Hugepages.Limits(limits, settings.HugepageSizes));
        if (qos == QosClass.BestEffort) return result;

        // One container without a limit may use what it likes; a limit on the pod would bind it after all.
        if (Bounded(spec, "cpu"))
            result = result with
            {
                CpuPeriod = settings.CpuPeriod,
                CpuQuota = settings.CpuQuota ? CpuConversions.Quota(limits["cpu"].Milli, settings.CpuPeriod) : -1,
            };
        if (Bounded(spec, "memory")) result = result with { Memory = limits["memory"].Whole };
        return result;
    }

    /// <summary>What the whole pod may use of CPU, in thousandths; null: it is not bounded.</summary>
    public static long? CpuOf(V1Pod pod) => Bounded(pod.Spec, "cpu") ? PodResources.Limits(pod.Spec)["cpu"].Milli : null;

    /// <summary>What the whole pod may use of memory, in bytes; null: it is not bounded.</summary>
    public static long? MemoryOf(V1Pod pod) => Bounded(pod.Spec, "memory") ? PodResources.Limits(pod.Spec)["memory"].Whole : null;

    private static bool Bounded(V1PodSpec spec, string name) =>
        PodResources.PodLevelLimit(spec, name) is { IsPositive: true }
        || PodResources.AllContainers(spec).All(c => PodResources.LimitsOf(c)[name].IsPositive);
}
