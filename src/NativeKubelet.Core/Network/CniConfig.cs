using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NativeKubelet.Core.Network;

/// <summary>A file in the CNI configuration directory says something that cannot be used.</summary>
public sealed class CniConfigException(string message) : Exception(message);

/// <summary>One plugin of a network.</summary>
/// <param name="Type">Bare name of its program.</param>
/// <param name="Capabilities">Those that it declares.</param>
/// <param name="Json">The object as it stands in the file.</param>
public sealed record CniPlugin(string Type, ImmutableHashSet<string> Capabilities, string Json);

/// <summary>A network as configured (CNI specification, "network configuration format").</summary>
/// <param name="Version">The one that plugins are spoken to in.</param>
/// <param name="Json">A configuration list; a single plugin's file has been wrapped into one.</param>
public sealed record CniNetworkConfig(string Name, string Version, bool DisableCheck, bool DisableGc, ImmutableArray<CniPlugin> Plugins, string Json)
{
    /// <summary>Oldest first.</summary>
    private static readonly string[] Versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64 };

    /// <summary>CHECK and prevResult on DEL exist since 0.4.0.</summary>
    public bool HasCheck => AtLeast("0.4.0");

    /// <summary>GC and STATUS exist since 1.1.0.</summary>
    public bool HasGcAndStatus => AtLeast("1.1.0");

    private bool AtLeast(string version) => Array.IndexOf(Versions, Version) >= Array.IndexOf(Versions, version);

    /// <param name="single">The file is one plugin (.conf, .json) and not a list.</param>
    /// <exception cref="CniConfigException">What is wrong, without the file's name.</exception>
    public static CniNetworkConfig Parse(ReadOnlySpan<byte> utf8, bool single)
    {
        JsonObject file;
        try
        {
            file = JsonNode.Parse(utf8, documentOptions: Strict) as JsonObject ?? throw new CniConfigException("is no JSON object");
            _ = file.Count;         // duplicate names are found only when the object is looked into
            if (single) file = Wrapped(file);
            return Checked(file);
        }
        catch (JsonException e)
        {
            throw new CniConfigException($"is no JSON: {e.Message}");
        }
        catch (InvalidOperationException)
        {
            throw new CniConfigException("holds text that is no Unicode");      // found only when the text is read
        }
        catch (ArgumentException e)
        {
            throw new CniConfigException($"has a name twice: {e.Message}");
        }
    }

    private static JsonObject Wrapped(JsonObject plugin)
    {
        if (plugin["type"] is null) throw new CniConfigException(plugin.ContainsKey("plugins")
            ? "is a list of plugins; such a file ends in .conflist" : "has no \"type\"");
        return new()
        {
            ["cniVersion"] = plugin["cniVersion"]?.DeepClone(),
            ["name"] = plugin["name"]?.DeepClone(),
            ["plugins"] = new JsonArray(plugin.DeepClone()),
        };
    }

    private static CniNetworkConfig Checked(JsonObject file)
    {
        string name = Text(file, "name") ?? "";
        if (!IsName(name)) throw new CniConfigException(name.Length == 0 ? "has no \"name\"" : $"name \"{name}\" is not made of letters, digits, '_', '.' and '-', a letter or digit first");
        if (file["plugins"] is not JsonArray list || list.Count == 0) throw new CniConfigException("has no \"plugins\"");
        ImmutableArray<CniPlugin> plugins = [.. list.Select(Plugin)];
        return new(name, ChooseVersion(file), Flag(file, "disableCheck"), Flag(file, "disableGC"), plugins, file.ToJsonString());
    }

    private static CniPlugin Plugin(JsonNode? node)
    {
        if (node is not JsonObject plugin) throw new CniConfigException("has a plugin that is no object");
        string type = Text(plugin, "type") ?? throw new CniConfigException("has a plugin without \"type\"");
        // The program is looked for in the plugin directories and nowhere else.
        if (type.Length == 0 || type is "." or ".." || type.Contains('/') || type.Contains('\0'))
            throw new CniConfigException($"plugin type \"{type}\" is not the bare name of a program");
        ImmutableHashSet<string> capabilities = plugin["capabilities"] is JsonObject declared
            ? [.. declared.Where(c => c.Value is JsonValue v && v.TryGetValue(out bool on) && on).Select(c => c.Key)] : [];
        return new(type, capabilities, plugin.ToJsonString());
    }

    private static string ChooseVersion(JsonObject file)
    {
        List<string> offered = [];
        if (Text(file, "cniVersion") is { Length: > 0 } one) offered.Add(one);
        if (file["cniVersions"] is JsonArray many)
            offered.AddRange(many.Select(v => v is JsonValue value && value.TryGetValue(out string? text) ? text
                : throw new CniConfigException("\"cniVersions\" holds something that is no text")));
        // Files older than the field are of the first version.
        if (offered.Count == 0) return Versions[0];
        return Versions.LastOrDefault(offered.Contains)
            ?? throw new CniConfigException($"CNI version {string.Join(", ", offered)} is not among those supported ({string.Join(", ", Versions)})");
    }

    private static string? Text(JsonObject from, string field) => from[field] switch
    {
        null => null,
        JsonValue value when value.TryGetValue(out string? text) => text,
        _ => throw new CniConfigException($"\"{field}\" is no text"),
    };

    private static bool Flag(JsonObject from, string field) => from[field] switch
    {
        null => false,
        JsonValue value when value.TryGetValue(out bool on) => on,
        // Written as text by some, which the original accepts.
        JsonValue value when value.TryGetValue(out string? text) && bool.TryParse(text, out bool on) => on,
        _ => throw new CniConfigException($"\"{field}\" is neither true nor false"),
    };

    private static bool IsName(string name) =>
        name.Length > 0 && char.IsAsciiLetterOrDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');
}

/// <summary>Which of the files in the configuration directory counts: the first valid one by name (spec 42 §B1).</summary>
public static class CniSelection
{
    public const int MaxBytes = 1 << 20;

    public static bool IsConfig(string fileName) => Path.GetExtension(fileName) is ".conflist" or ".conf" or ".json";

    /// <param name="files">Name and content of the directory's files.</param>
    /// <param name="problems">One sentence for each invalid file that was passed over.</param>
    /// <returns>Null when no file is usable.</returns>
    public static CniNetworkConfig? Choose(IEnumerable<(string Name, byte[] Content)> files, out ImmutableArray<string> problems)
    {
        ImmutableArray<string>.Builder found = ImmutableArray.CreateBuilder<string>();
        CniNetworkConfig? chosen = null;
        foreach ((string name, byte[] content) in files.Where(f => IsConfig(f.Name)).OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            if (chosen is not null) break;
            try
            {
                chosen = CniNetworkConfig.Parse(WithoutMark(content), single: Path.GetExtension(name) != ".conflist");
            }
            catch (CniConfigException e)
            {
                found.Add($"{name}: {e.Message}");
            }
        }
        problems = found.ToImmutable();
        return chosen;
    }

    private static ReadOnlySpan<byte> WithoutMark(byte[] content) =>
        content.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? content.AsSpan(Encoding.UTF8.Preamble.Length) : content;
}
