using System.Collections.Immutable;

namespace NativeKubelet.Core.Containers;

/// <summary>Variables by name, each at the place where it was first set, so that equal pods give equal bytes.</summary>
internal sealed class OrderedVariables
{
    private readonly List<string> _names = [];
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    public ImmutableArray<KeyValuePair<string, string>> All => [.. _names.Select(name => KeyValuePair.Create(name, _values[name]))];

    public string? Find(string name) => _values.GetValueOrDefault(name);

    public void Set(string name, string value)
    {
        if (!_values.ContainsKey(name)) _names.Add(name);
        _values[name] = value;
    }

    public void Complete(string name, string value)
    {
        if (!_values.ContainsKey(name)) Set(name, value);
    }
}
