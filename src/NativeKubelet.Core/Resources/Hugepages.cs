using System.Collections.Immutable;

namespace NativeKubelet.Core.Resources;

/// <summary>Page sizes: "hugepages-2Mi" in a pod is "2MB" to the kernel's hugetlb controller.</summary>
public static class Hugepages
{
    private static readonly string[] Units = ["B", "KB", "MB", "GB"];

    /// <param name="bytes">A power of two.</param>
    public static string SizeName(long bytes)
    {
        int unit = 0;
        while (bytes >= 1024 && bytes % 1024 == 0 && unit < Units.Length - 1) { bytes /= 1024; unit++; }
        return $"{bytes}{Units[unit]}";
    }

    /// <summary>A limit for every size that the machine has: what is not asked for is zero.</summary>
    /// <exception cref="FormatException">A size is asked for that cannot be limited here, or a name holds no size.</exception>
    public static ImmutableSortedDictionary<string, long> Limits(ResourceAmounts amounts, ImmutableArray<string> sizes)
    {
        ImmutableSortedDictionary<string, long>.Builder result = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach (string size in sizes) result[size] = 0;
        foreach ((string name, Quantity amount) in amounts.ByName)
        {
            if (!PodResources.IsHugepage(name) || !amount.IsPositive) continue;
            if (!Quantity.TryParse(name["hugepages-".Length..], out Quantity page) || !page.IsPositive || !result.ContainsKey(SizeName(page.Whole)))
                throw new FormatException($"{name}: this node cannot limit huge pages of that size (it can: {(sizes.IsEmpty ? "none" : string.Join(", ", sizes))})");
            result[SizeName(page.Whole)] = amount.Whole;
        }
        return result.ToImmutable();
    }
}
