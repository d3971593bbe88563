using System.Globalization;
using k8s.Models;
using NativeKubelet.Api.Oci;

namespace NativeKubelet.Core.Resources;

/// <summary>linux.resources of a container (spec 40 §4.3); device rules are another's.</summary>
public static class ContainerLimits
{
    private const int CriticalPriority = 2_000_000_000;

    /// <exception cref="FormatException">An amount is not a quantity, or asks for huge pages that are not here.</exception>
    public static RuntimeResources Compute(V1Pod pod, V1Container container, LimitSettings settings)
    {
        V1PodSpec spec = pod.Spec;
        ResourceAmounts requests = PodResources.RequestsOf(container), limits = PodResources.LimitsOf(container);
        long? cpuLimit = Limit("cpu")?.Milli, memoryLimit = Limit("memory")?.Whole;
        long shares = CpuConversions.Shares(requests.Has("cpu") ? requests["cpu"].Milli : cpuLimit ?? 0);

        Dictionary<string, string> unified = [];
        RuntimeMemory memory = new(memoryLimit is > 0 ? memoryLimit : null);
        if (settings.CgroupV2)
        {
            // runc before 1.3 uses the linear weight, by which one CPU would be 39 of the kernel's default 100.
            unified["cpu.weight"] = CpuConversions.QuadraticWeight(shares).ToString(CultureInfo.InvariantCulture);
            if (!settings.SingleProcessOomKill) unified["memory.oom.group"] = "1";
            if (settings.SwapAccounted)
                unified["memory.swap.max"] = SwapLimit(pod, requests, limits, settings).ToString(CultureInfo.InvariantCulture);
        }
        else if (settings.SwapAccounted && memory.Limit is { } limit)
            memory = memory with { Swap = limit };

        long? quota = settings.CpuQuota && cpuLimit is > 0 ? CpuConversions.Quota(cpuLimit.Value, settings.CpuPeriod) : null;
        ResourceAmounts pages = limits;
        foreach ((string name, Quantity amount) in ResourceAmounts.From(spec.Resources?.Limits).ByName)
            if (PodResources.IsHugepage(name) && !limits.Has(name)) pages = pages.With(name, amount);

        return new RuntimeResources(
            Devices: [],
            Cpu: new RuntimeCpu(Shares: (ulong)shares, Quota: quota, Period: settings.CpuQuota ? (ulong)settings.CpuPeriod : null),
            Memory: memory == new RuntimeMemory() ? null : memory,
            HugepageLimits: settings.HugepageSizes.IsEmpty && !pages.ByName.Keys.Any(PodResources.IsHugepage) ? null
                : [.. Hugepages.Limits(pages, settings.HugepageSizes).Select(p => new RuntimeHugepageLimit(p.Key, (ulong)p.Value))],
            Unified: unified.Count == 0 ? null : unified);

        Quantity? Limit(string name) => limits.Has(name) ? limits[name] : PodResources.PodLevelLimit(spec, name);
    }

    /// <summary>The container gets a part of the machine's swap.</summary>
    public static bool MaySwap(V1Pod pod, V1Container container, LimitSettings settings) =>
        settings is { CgroupV2: true, SwapAccounted: true } && MaySwap(pod, PodResources.RequestsOf(container), PodResources.LimitsOf(container), settings);

    private static bool MaySwap(V1Pod pod, ResourceAmounts requests, ResourceAmounts limits, LimitSettings settings)
    {
        bool critical = pod.Spec.Priority >= CriticalPriority
            || pod.Metadata.Annotations?.TryGetValue("kubernetes.io/config.source", out string? source) == true && source != "api"
            || pod.Metadata.Annotations?.ContainsKey("kubernetes.io/config.mirror") == true;
        return settings.LimitedSwap && !critical && QosClasses.Of(pod) == QosClass.Burstable && settings.MemoryCapacity > 0
            && requests["memory"].IsPositive && requests["memory"] != limits["memory"];
    }

    /// <summary>LimitedSwap gives a part of the swap in proportion to the request; everyone else gets none.</summary>
    private static long SwapLimit(V1Pod pod, ResourceAmounts requests, ResourceAmounts limits, LimitSettings settings) =>
        MaySwap(pod, requests, limits, settings) ? (long)((Int128)requests["memory"].Whole * settings.SwapTotal / settings.MemoryCapacity) : 0;
}
