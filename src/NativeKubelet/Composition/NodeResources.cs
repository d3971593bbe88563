using System.Collections.Immutable;
using System.Globalization;
using NativeKubelet.Config;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Composition;

/// <summary>What of the machine pods may use, by the configuration's reservations (spec 40 §6).</summary>
/// <param name="Node">Capacity, and what pods may ask for together.</param>
/// <param name="PodsGroup">The limits of the group that holds all pods; it leaves out what eviction keeps free, as eviction needs that room to act.</param>
internal sealed record NodeResources(NodeAllocatable Node, GroupLimits PodsGroup)
{
    /// <summary>Nothing reserved, nothing limited: for pods that somebody watches.</summary>
    public static NodeResources Everything(ResourceAmounts capacity) => new(new(capacity, capacity), new GroupLimits());

    /// <param name="capacity">cpu, memory, pods, ephemeral-storage, hugepages-SIZE.</param>
    /// <exception cref="ConfigException">More is reserved than there is.</exception>
    public static NodeResources Compute(
        ResourceAmounts capacity, IReadOnlyDictionary<string, string> kubeReserved, IReadOnlyDictionary<string, string> systemReserved,
        IReadOnlyDictionary<string, string> evictionHard, IReadOnlyList<string> enforce)
    {
        try
        {
            ResourceAmounts kube = Amounts(kubeReserved), system = Amounts(systemReserved);
            NodeAllocatable node = NodeAllocatable.Compute(capacity, kube, system, KeptFree(evictionHard, capacity));
            bool enforced = enforce.Contains("pods");
            ResourceAmounts pods = enforced ? NodeAllocatable.Compute(capacity, kube, system, ResourceAmounts.None).Allocatable : capacity;
            // Hugepages have a limit of their own; what NodeAllocatable took off for them is memory of the group all the same.
            long memory = capacity["memory"].Whole - kube["memory"].Whole - system["memory"].Whole;
            return new(node, new GroupLimits(CpuShares: CpuConversions.Shares(pods["cpu"].Milli), Memory: enforced ? memory : null));
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new ConfigException(e.Message);
        }
    }

    private static ResourceAmounts Amounts(IReadOnlyDictionary<string, string> given) =>
        given.Aggregate(ResourceAmounts.None, (all, item) => all.With(item.Key, Quantity.Parse(item.Value)));

    private static ResourceAmounts KeptFree(IReadOnlyDictionary<string, string> evictionHard, ResourceAmounts capacity)
    {
        ResourceAmounts kept = ResourceAmounts.None;
        foreach ((string signal, string resource) in ImmutableArray.Create(("memory.available", "memory"), ("nodefs.available", "ephemeral-storage")))
            if (evictionHard.TryGetValue(signal, out string? threshold) && capacity.Has(resource))
                kept = kept.With(resource, Threshold(threshold, capacity[resource]));
        return kept;
    }

    private static Quantity Threshold(string text, Quantity capacity) => text.EndsWith('%')
        ? Quantity.FromWhole((long)(capacity.Whole * double.Parse(text[..^1], NumberStyles.Float, CultureInfo.InvariantCulture) / 100), QuantityFormat.BinarySi)
        : Quantity.Parse(text);
}
