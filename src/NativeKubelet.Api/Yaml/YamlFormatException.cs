namespace NativeKubelet.Api.Yaml;

/// <summary>Text that is no YAML or JSON, or more of it than we take. Line and column count from 1; 0 is unknown.</summary>
public sealed class YamlFormatException : FormatException
{
    public YamlFormatException(int line, int column, string reason, Exception? inner = null)
        : base(line > 0 ? $"line {line}, column {column}: {reason}" : reason, inner)
    {
        Line = line;
        Column = column;
        Reason = reason;
    }

    public int Line { get; }

    public int Column { get; }

    /// <summary>The message without its place.</summary>
    public string Reason { get; }
}
