using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Volumes;

/// <summary>How large, and of which pages, a volume in memory is (spec 41 §5.1).</summary>
public static class MemoryVolume
{
    public const string Medium = "Memory", HugePages = "HugePages";

    /// <summary>The least of what pods may use together, what this pod may use, and what the volume asks for.</summary>
    /// <returns>Bytes; null where nothing bounds it but the machine.</returns>
    /// <exception cref="FormatException">An amount in the pod is not a quantity.</exception>
    public static long? Size(V1Pod pod, ResourceQuantity? sizeLimit, ResourceAmounts allocatable)
    {
        long? size = allocatable["memory"] is { IsPositive: true } node ? node.Whole : null;
        if (PodCgroupLimits.MemoryOf(pod) is { } ofPod && ofPod > 0 && !(ofPod > size)) size = ofPod;
        if (sizeLimit is not null && Quantity.Parse(sizeLimit.ToString()) is { IsPositive: true } own && !(own.Whole > size)) size = own.Whole;
        return size;
    }

    public static bool IsHugePages(string? medium) => medium is not null && medium.StartsWith(HugePages, StringComparison.Ordinal);

    /// <summary>The page size in bytes; huge pages that no container asks for cannot be given.</summary>
    /// <exception cref="FormatException">None, or several, are asked for; the words are the original's.</exception>
    public static long PageSize(V1Pod pod, string medium)
    {
        HashSet<long> requested = [];
        foreach (string name in PodResources.AllContainers(pod.Spec).SelectMany(c => PodResources.RequestsOf(c).ByName.Keys)
            .Concat((pod.Spec.Resources?.Requests ?? new Dictionary<string, ResourceQuantity>()).Keys))
            if (PodResources.IsHugepage(name)) requested.Add(Quantity.Parse(name["hugepages-".Length..]).Whole);
        if (medium == HugePages)
        {
            return requested.Count switch
            {
                1 => requested.Single(),
                0 => throw Unrequested(medium),
                _ => throw new FormatException($"medium: {medium} can't be used if container requests multiple huge page sizes"),
            };
        }
        long size = Quantity.TryParse(medium[Math.Min(HugePages.Length + 1, medium.Length)..], out Quantity page) ? page.Whole : throw new FormatException($"unknown storage medium \"{medium}\"");
        return requested.Contains(size) ? size : throw Unrequested(medium);
    }

    private static FormatException Unrequested(string medium) =>
        new($"medium {medium}: hugePages storage requested, but there is no resource request for huge pages");
}
