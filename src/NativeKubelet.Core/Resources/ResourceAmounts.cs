using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Core.Resources;

/// <summary>Amounts by resource name ("cpu", "memory", "hugepages-2Mi", "example.com/gpu").</summary>
public sealed record ResourceAmounts(ImmutableSortedDictionary<string, Quantity> ByName)
{
    public static readonly ResourceAmounts None = new(ImmutableSortedDictionary.Create<string, Quantity>(StringComparer.Ordinal));

    /// <summary>Zero for what is not named.</summary>
    public Quantity this[string name] => ByName.GetValueOrDefault(name);

    public bool Has(string name) => ByName.ContainsKey(name);

    public ResourceAmounts With(string name, Quantity amount) => new(ByName.SetItem(name, amount));

    public ResourceAmounts Plus(ResourceAmounts other) => Merge(other, (a, b) => a + b);

    /// <summary>The larger of both, name by name.</summary>
    public ResourceAmounts Max(ResourceAmounts other) => Merge(other, Quantity.Max);

    /// <exception cref="FormatException">An amount is not a quantity; the message names the resource.</exception>
    public static ResourceAmounts From(IDictionary<string, ResourceQuantity>? amounts)
    {
        if (amounts is null || amounts.Count == 0) return None;
        ImmutableSortedDictionary<string, Quantity>.Builder result = None.ByName.ToBuilder();
        foreach ((string name, ResourceQuantity amount) in amounts)
            result[name] = Quantity.TryParse(amount?.ToString(), out Quantity value)
                ? value : throw new FormatException($"resource {name}: \"{amount}\" is not a quantity");
        return new(result.ToImmutable());
    }

    private ResourceAmounts Merge(ResourceAmounts other, Func<Quantity, Quantity, Quantity> merge)
    {
        ImmutableSortedDictionary<string, Quantity>.Builder result = ByName.ToBuilder();
        foreach ((string name, Quantity amount) in other.ByName)
            result[name] = result.TryGetValue(name, out Quantity mine) ? merge(mine, amount) : amount;
        return new(result.ToImmutable());
    }
}
