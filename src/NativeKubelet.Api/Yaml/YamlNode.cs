namespace NativeKubelet.Api.Yaml;

/// <summary>A node of the parsed tree: exactly one of Scalar (JSON text), Items and Fields is set.</summary>
internal sealed class YamlNode(SourcePosition position, int depth)
{
    public SourcePosition Position { get; } = position;

    public int Depth { get; } = depth;

    public byte[]? Scalar { get; init; }

    public List<YamlNode>? Items { get; init; }

    public List<YamlField>? Fields { get; init; }

    /// <summary>False while its children are read; an alias met then would be endless.</summary>
    public bool Complete { get; set; }

    public bool IsNull => Scalar is [(byte)'n', ..];
}

internal sealed record YamlField(string Key, SourcePosition Position, YamlNode Value);

/// <summary>Collects a map's fields: duplicates are told, the last one counts; merged fields (&lt;&lt;) never win.</summary>
internal sealed class FieldCollector
{
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);

    public List<YamlField> Fields { get; } = [];

    /// <returns>False when the key was there before.</returns>
    public bool Set(YamlField field)
    {
        if (_index.TryGetValue(field.Key, out int at))
        {
            Fields[at] = field;
            return false;
        }

        _index.Add(field.Key, Fields.Count);
        Fields.Add(field);
        return true;
    }

    public void Merge(IEnumerable<YamlField> fields)
    {
        foreach (YamlField field in fields)
            if (_index.TryAdd(field.Key, Fields.Count))
                Fields.Add(field);
    }
}
