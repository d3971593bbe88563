using System.Collections.Immutable;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>A value of a TOML file, and the line on which it stands.</summary>
public abstract record TomlValue(int Line);

public sealed record TomlText(string Text, int Line) : TomlValue(Line);

public sealed record TomlBoolean(bool Value, int Line) : TomlValue(Line);

public sealed record TomlNumber(long Value, int Line) : TomlValue(Line);

public sealed record TomlArray(ImmutableArray<TomlValue> Items, int Line) : TomlValue(Line);

/// <summary>Keeps the order of the file: mirrors are tried in it.</summary>
public sealed record TomlTable(int Line) : TomlValue(Line)
{
    private readonly List<KeyValuePair<string, TomlValue>> _entries = [];

    public IReadOnlyList<KeyValuePair<string, TomlValue>> Entries => _entries;

    /// <summary>True when a header or braces wrote it, which may happen once; false when it only lies on the way to another.</summary>
    internal bool Written { get; set; }

    /// <summary>True when braces wrote it: nothing is added later.</summary>
    internal bool Closed { get; set; }

    public TomlValue? Find(string key)
    {
        foreach ((string name, TomlValue value) in _entries)
            if (name == key) return value;
        return null;
    }

    internal void Add(string key, TomlValue value) => _entries.Add(new(key, value));
}

/// <summary>What a person must change, and where.</summary>
public sealed class TomlException(int line, string message) : Exception($"line {line}: {message}")
{
    public int Line { get; } = line;
}
