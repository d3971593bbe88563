namespace NativeKubelet.Core.Manifests;

/// <summary>The name forms of the API. Each rule answers null when the name is good, else the API's own sentence.</summary>
public static class NameRules
{
    private const string LabelForm =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";

    private const string SubdomainForm =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

    private const string QualifiedForm =
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

    public static string? Label(string name) =>
        name.Length > 63 ? TooLong(63) : IsLabel(name) ? null : LabelForm;

    public static string? Subdomain(string name) =>
        name.Length > 253 ? TooLong(253) : name.Split('.').All(IsLabel) ? null : SubdomainForm;

    /// <summary>A label's or annotation's key: an optional DNS prefix, a slash, a name.</summary>
    public static string? QualifiedName(string key)
    {
        string[] parts = key.Split('/');
        if (parts.Length > 2) return "a qualified name must have at most one prefix, separated by '/'";
        if (parts.Length == 2 && (parts[0].Length == 0 ? "must be non-empty" : Subdomain(parts[0])) is { } prefix) return $"prefix part {prefix}";
        string name = parts[^1];
        return name.Length == 0 ? "name part must be non-empty" : name.Length > 63 ? $"name part {TooLong(63)}" : IsWord(name) ? null : QualifiedForm;
    }

    public static string? LabelValue(string value) =>
        value.Length > 63 ? TooLong(63)
        : value.Length == 0 || IsWord(value) ? null
        : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

    /// <summary>IANA_SVC_NAME, what ports are called.</summary>
    public static string? PortName(string name)
    {
        if (name.Length > 15) return TooLong(15);
        if (!name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')) return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        if (!name.Any(char.IsAsciiLetterLower)) return "must contain at least one letter (a-z)";
        if (name.Contains("--", StringComparison.Ordinal)) return "must not contain consecutive hyphens";
        return name[0] == '-' || name[^1] == '-' ? "must not begin or end with a hyphen" : null;
    }

    /// <summary>A key of a ConfigMap or Secret: it may become the name of a file.</summary>
    public static string? ConfigKey(string key) =>
        key.Length > 253 ? TooLong(253)
        : key is "." or ".." || key.StartsWith("..", StringComparison.Ordinal) ? "must not be '.' or begin with '..'"
        : key.Length > 0 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? null
        : "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";

    public static string? EnvName(string name) =>
        name.Length > 0 && name.All(c => c is >= ' ' and <= '~' and not '=') ? null : "a valid environment variable name must consist only of printable ASCII characters other than '='";

    /// <summary>A UID names directories and cgroups of this machine, so it must not be able to leave them.</summary>
    public static string? Uid(string uid) =>
        uid.Length is > 0 and <= 64 && uid.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') ? null : "must consist of 1 to 64 alphanumeric characters or '-'";

    public static string TooLong(int most) => $"must be no more than {most} characters";

    private static bool IsLabel(string s) =>
        s.Length > 0 && s[0] != '-' && s[^1] != '-' && s.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    private static bool IsWord(string s) =>
        char.IsAsciiLetterOrDigit(s[0]) && char.IsAsciiLetterOrDigit(s[^1]) && s.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
