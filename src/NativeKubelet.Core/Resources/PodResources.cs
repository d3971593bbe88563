using k8s.Models;

namespace NativeKubelet.Core.Resources;

/// <summary>What a pod as a whole asks for and may use (spec 40 §1, §4.2).</summary>
public static class PodResources
{
    public static IEnumerable<V1Container> AllContainers(V1PodSpec spec) => (spec.InitContainers ?? []).Concat(spec.Containers ?? []);

    public static bool IsSidecar(V1Container initContainer) => initContainer.RestartPolicy == "Always";

    public static ResourceAmounts LimitsOf(V1Container container) => ResourceAmounts.From(container.Resources?.Limits);

    /// <summary>Requests, filled up from limits: the API server does that, for a pod from a file nobody did.</summary>
    public static ResourceAmounts RequestsOf(V1Container container)
    {
        ResourceAmounts requests = ResourceAmounts.From(container.Resources?.Requests);
        foreach ((string name, Quantity limit) in LimitsOf(container).ByName)
            if (!requests.Has(name)) requests = requests.With(name, limit);
        return requests;
    }

    /// <summary>True when the pod itself sets cpu, memory or hugepages; container values then no longer decide.</summary>
    public static bool PodLevelSet(V1PodSpec spec) =>
        PodLevel(spec.Resources?.Requests).ByName.Count + PodLevel(spec.Resources?.Limits).ByName.Count > 0;

    public static ResourceAmounts Requests(V1PodSpec spec, bool withOverhead = true)
    {
        ResourceAmounts sum = Aggregate(spec, RequestsOf);
        ResourceAmounts own = PodLevel(spec.Resources?.Requests);
        foreach ((string name, Quantity limit) in PodLevel(spec.Resources?.Limits).ByName)
            if (!own.Has(name) && (!sum.Has(name) || IsHugepage(name))) own = own.With(name, limit);
        foreach ((string name, Quantity amount) in own.ByName) sum = sum.With(name, amount);
        return withOverhead ? sum.Plus(ResourceAmounts.From(spec.Overhead)) : sum;
    }

    public static ResourceAmounts Limits(V1PodSpec spec, bool withOverhead = true)
    {
        ResourceAmounts sum = Aggregate(spec, LimitsOf);
        foreach ((string name, Quantity amount) in PodLevel(spec.Resources?.Limits).ByName) sum = sum.With(name, amount);
        if (!withOverhead) return sum;
        // Overhead on a resource without a limit would make one.
        foreach ((string name, Quantity amount) in ResourceAmounts.From(spec.Overhead).ByName)
            if (sum.Has(name)) sum = sum.With(name, sum[name] + amount);
        return sum;
    }

    /// <summary>The pod's own limit, or null where only its containers have one.</summary>
    public static Quantity? PodLevelLimit(V1PodSpec spec, string name) =>
        PodLevel(spec.Resources?.Limits) is { } limits && limits.Has(name) ? limits[name] : null;

    public static Quantity? PodLevelRequest(V1PodSpec spec, string name) =>
        PodLevel(spec.Resources?.Requests) is { } requests && requests.Has(name) ? requests[name] : null;

    public static bool IsHugepage(string name) => name.StartsWith("hugepages-", StringComparison.Ordinal);

    /// <summary>
    /// Containers run together, init containers one after the other, and a sidecar beside everything that starts after it:
    /// the peak of all these moments.
    /// </summary>
    private static ResourceAmounts Aggregate(V1PodSpec spec, Func<V1Container, ResourceAmounts> amounts)
    {
        ResourceAmounts together = ResourceAmounts.None, sidecars = ResourceAmounts.None, peak = ResourceAmounts.None;
        foreach (V1Container container in spec.Containers ?? []) together = together.Plus(amounts(container));
        foreach (V1Container container in spec.InitContainers ?? [])
        {
            ResourceAmounts own = amounts(container);
            ResourceAmounts moment = sidecars.Plus(own);
            if (IsSidecar(container)) (together, sidecars) = (together.Plus(own), moment);
            peak = peak.Max(moment);
        }
        return together.Max(peak);
    }

    private static ResourceAmounts PodLevel(IDictionary<string, ResourceQuantity>? amounts)
    {
        ResourceAmounts result = ResourceAmounts.None;
        foreach ((string name, Quantity amount) in ResourceAmounts.From(amounts).ByName)
            if (name is "cpu" or "memory" || IsHugepage(name)) result = result.With(name, amount);
        return result;
    }
}
