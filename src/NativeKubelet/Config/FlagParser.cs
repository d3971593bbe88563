using System.Text.Json.Nodes;

namespace NativeKubelet.Config;

/// <summary>What a command line gave.</summary>
/// <param name="Own">Flags that are no configuration field, by name.</param>
/// <param name="Overlay">The configuration fields that flags set, in the file's shape.</param>
/// <param name="Deprecations">Complete lines for stderr, one per use.</param>
public sealed record ParsedFlags(IReadOnlyDictionary<string, JsonNode> Own, JsonObject Overlay, IReadOnlyList<string> Deprecations)
{
    /// <summary>What was given, as <c>--name="value"</c>, for the log; credentials are not shown.</summary>
    public IEnumerable<string> Given =>
        from flag in KubeletFlags.All
        let value = flag.Field is { } path ? path.Split('.').Aggregate((JsonNode?)Overlay, (at, name) => (at as JsonObject)?[name]) : Own.GetValueOrDefault(flag.Name)
        where value is not null && flag.AliasOf is null
        select $"--{flag.Name}=\"{(flag.Kind == FlagKind.HeaderMap ? "<masked>" : value.ToString())}\"";

    public string Text(string name) => Own.TryGetValue(name, out JsonNode? value) ? value.GetValue<string>() : KubeletFlags.Find(name)!.Default;

    public bool Bool(string name) => Own.TryGetValue(name, out JsonNode? value) && value.GetValue<bool>();
}

/// <summary>A command line by pflag's rules: --name=value, --name value, -v4; a bool takes its value only after "=".</summary>
public static class FlagParser
{
    /// <exception cref="ConfigException">An unknown flag, a value that does not fit, a left-over word.</exception>
    public static ParsedFlags Parse(IReadOnlyList<string> arguments)
    {
        Dictionary<string, JsonNode> own = [];
        Dictionary<string, JsonNode?> fields = [];
        List<string> deprecations = [];
        List<string> words = [];
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (argument == "--")
            {
                words.AddRange(arguments.Skip(i + 1));
                break;
            }

            if (argument.Length < 2 || argument[0] != '-')
            {
                words.Add(argument);
                continue;
            }

            (FlagSpec flag, string? value) = Split(argument);
            if (value is null && flag.Kind is FlagKind.Bool or FlagKind.Version) value ??= "true";
            if (value is null && ++i == arguments.Count) throw new ConfigException($"failed to parse kubelet flag: flag needs an argument: {argument}");
            value ??= arguments[i];
            try
            {
                if (flag.Field is { } field) fields[field] = FlagValue.Parse(flag.Kind, value, fields.GetValueOrDefault(field));
                else if (FlagValue.Parse(flag.Kind, value, own.GetValueOrDefault(flag.Name)) is { } parsed) own[flag.AliasOf ?? flag.Name] = parsed;
            }
            catch (FormatException e)
            {
                // The headers of a manifest URL carry credentials: such a value is named by its flag alone.
                string shown = flag.Kind == FlagKind.HeaderMap ? "<masked>" : $"\"{value}\"";
                throw new ConfigException($"failed to parse kubelet flag: invalid argument {shown} for \"--{flag.Name}\" flag: {e.Message}", e);
            }

            if (flag.Deprecation is { } reason) deprecations.Add($"Flag --{flag.Name} has been deprecated, {reason}");
        }

        if (words.Count > 0) throw new ConfigException($"unknown command {words[0]}; 'nativekubelet help' lists the verbs, and what begins with -- is a flag");
        JsonObject overlay = [];
        foreach ((string field, JsonNode? value) in fields)
            if (value is not null)
                Set(overlay, field, value);
        return new(own, overlay, deprecations);
    }

    private static (FlagSpec Flag, string? Value) Split(string argument)
    {
        if (argument.StartsWith("--", StringComparison.Ordinal))
        {
            int equals = argument.IndexOf('=');
            string name = equals < 0 ? argument[2..] : argument[2..equals];
            FlagSpec flag = KubeletFlags.Find(name) ?? throw new ConfigException($"failed to parse kubelet flag: unknown flag: --{name}");
            return (flag, equals < 0 ? null : argument[(equals + 1)..]);
        }

        FlagSpec shorthand = KubeletFlags.FindShorthand(argument[1])
            ?? throw new ConfigException($"failed to parse kubelet flag: unknown shorthand flag: '{argument[1]}' in {argument}");
        string rest = argument[2..];
        return (shorthand, rest.Length == 0 ? null : rest[0] == '=' ? rest[1..] : rest);
    }

    internal static void Set(JsonObject root, string path, JsonNode value)
    {
        string[] names = path.Split('.');
        foreach (string name in names[..^1])
        {
            if (root[name] is not JsonObject) root[name] = new JsonObject();
            root = (JsonObject)root[name]!;
        }

        root[names[^1]] = value;
    }
}
