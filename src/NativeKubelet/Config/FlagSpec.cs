namespace NativeKubelet.Config;

/// <summary>How a flag's text is read, and with it the JSON that it becomes (pflag's types).</summary>
public enum FlagKind
{
    Text, Bool, Whole, Long, Float, Duration, Ip, TextList, TextMap, TextMapOnePair, BoolMap, LessMap, HeaderMap, Labels, Taints, ReservedMemory, Vmodule, Version,
}

public enum FlagStatus
{
    /// <summary>Read into the options; the rooms that act on it say how far.</summary>
    Read,

    /// <summary>Accepted and checked for its type, no effect here.</summary>
    Ignored,
}

/// <param name="Field">Path of the KubeletConfiguration field that it sets, or null for the process's own.</param>
/// <param name="Deprecation">What follows "Flag --NAME has been deprecated, ".</param>
/// <param name="NotYet">Why nothing acts on it in this version; null: something does, or its field says.</param>
public sealed record FlagSpec(string Name, FlagKind Kind, string Default, string Effect, string? Field = null,
    string? Deprecation = null, FlagStatus Status = FlagStatus.Read, char Shorthand = '\0', string? AliasOf = null, string? NotYet = null);

/// <summary>The start cannot go on: the message names the flag, file or field.</summary>
public sealed class ConfigException : Exception
{
    public ConfigException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
