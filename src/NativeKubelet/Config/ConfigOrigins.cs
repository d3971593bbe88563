using System.Text.Json.Nodes;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Api.Yaml;

namespace NativeKubelet.Config;

public enum ConfigOriginKind
{
    Default, File, DropIn, Flag,
}

/// <summary>What one file, or the flags together, said of the configuration.</summary>
/// <param name="Where">The file's path; empty for flags.</param>
/// <param name="Source">Where in the file; null for flags.</param>
internal sealed record ConfigLayer(ConfigOriginKind Kind, string Where, JsonObject Given, SourceMap? Source);

/// <param name="Field">Path in KubeletConfiguration; the entries of maps one by one.</param>
/// <param name="Where">FILE:LINE or --FLAG; empty for a default.</param>
public sealed record OriginatedValue(string Field, JsonNode? Value, ConfigOriginKind Kind, string Where);

/// <summary>Where the values of a configuration come from. Asked seldom, so it is worked out when it is.</summary>
public sealed class ConfigOrigins
{
    private readonly IReadOnlyList<ConfigLayer> _layers;

    internal ConfigOrigins(ParsedFlags flags, IReadOnlyList<ConfigLayer> layers) => (Flags, _layers) = (flags, layers);

    public static ConfigOrigins None { get; } = new(new(new Dictionary<string, JsonNode>(), [], []), []);

    public ParsedFlags Flags { get; }

    /// <summary>The last layer that says what is in force; what none of them says is a default (a zero duration in a file asks for it).</summary>
    public IEnumerable<OriginatedValue> Of(KubeletConfiguration effective)
    {
        // Read and written once more, as equal values may be spelled in several ways (60s, 1m).
        (ConfigLayer Layer, JsonObject Tree)[] said = [.. _layers.Select(l => (l, OptionsResolver.Tree(ConfigFile.Decode(l.Given)))).Reverse()];
        foreach ((string[] path, JsonNode? value) in Leaves([], OptionsResolver.Tree(effective)))
        {
            string field = string.Join('.', path);
            ConfigLayer? from = said.FirstOrDefault(s => JsonNode.DeepEquals(At(s.Tree, path), value)).Layer;
            yield return new(field, value, from?.Kind ?? ConfigOriginKind.Default, from is null ? "" : from.Source is { } source ? $"{from.Where}:{source.Find(field).Line}" : FlagOf(field));
        }
    }

    private static string FlagOf(string field) =>
        "--" + (KubeletFlags.All.FirstOrDefault(f => f.Field is { } own && (field == own || field.StartsWith(own + ".", StringComparison.Ordinal)))?.Name ?? field);

    private static IEnumerable<(string[] Path, JsonNode? Value)> Leaves(string[] path, JsonNode? node)
    {
        if (node is JsonObject { Count: > 0 } fields) return fields.SelectMany(f => Leaves([.. path, f.Key], f.Value));
        return [(path, node)];
    }

    private static JsonNode? At(JsonNode? node, string[] path)
    {
        foreach (string name in path) node = (node as JsonObject)?[name];
        return node;
    }
}
