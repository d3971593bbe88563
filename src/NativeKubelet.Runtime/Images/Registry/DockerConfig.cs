using System.Collections.Immutable;
using System.IO.Enumeration;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>Credentials as docker files them, in the node's files and in pull secrets; chosen by the kubelet's rules.</summary>
public sealed class DockerConfig
{
    private readonly ImmutableArray<(RegistryKey Key, RegistryCredential Credential)> _entries;

    private DockerConfig(ImmutableArray<(RegistryKey Key, RegistryCredential Credential)> entries) => _entries = entries;

    public bool IsEmpty => _entries.IsEmpty;

    /// <summary>Reads config.json (.dockerconfigjson in secrets); what else docker keeps in it is none of ours.</summary>
    /// <exception cref="FormatException">Names the entry, never its content.</exception>
    public static DockerConfig Parse(ReadOnlySpan<byte> json) => Of(Read(json, DockerConfigJson.Default.DockerConfigDocument)?.Auths);

    /// <summary>Reads .dockercfg, the older form: the entries alone.</summary>
    /// <exception cref="FormatException">Names the entry, never its content.</exception>
    public static DockerConfig ParseLegacy(ReadOnlySpan<byte> json) => Of(Read(json, DockerConfigJson.Default.DictionaryStringDockerConfigEntry));

    /// <summary>What is filed for an image, that with the longest path first.</summary>
    /// <param name="domain">Host, with its port where the name has one.</param>
    /// <param name="path">The image's path at that host.</param>
    public ImmutableArray<RegistryCredential> Find(string domain, string path) =>
        [.. _entries.Where(e => e.Key.Matches(domain, path)).Select(e => e.Credential with { Registry = domain })];

    private static T? Read<T>(ReadOnlySpan<byte> json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException e)
        {
            // The parser's own words could show a password.
            throw new FormatException($"line {e.LineNumber + 1}: is no docker configuration in JSON");
        }
    }

    private static DockerConfig Of(Dictionary<string, DockerConfigEntry?>? entries)
    {
        List<(RegistryKey Key, RegistryCredential Credential)> read = [];
        foreach ((string name, DockerConfigEntry? entry) in (entries ?? []).OrderByDescending(e => e.Key, StringComparer.Ordinal))
            if (entry is not null && Credential(name, entry) is { } credential)
                read.Add((RegistryKey.Parse(name), credential));
        return new([.. read.OrderByDescending(e => e.Key.Path.Length)]);
    }

    /// <returns>Null for an entry without any: docker writes such where a helper keeps them.</returns>
    private static RegistryCredential? Credential(string name, DockerConfigEntry entry)
    {
        (string user, string password) = (entry.Username ?? "", entry.Password ?? "");
        if (entry.Auth is { Length: > 0 } auth)
        {
            byte[] bytes = new byte[auth.Length];
            if (!Convert.TryFromBase64String(auth.PadRight((auth.Length + 3) / 4 * 4, '='), bytes, out int count))
                throw new FormatException($"auths.\"{name}\".auth is not base64");
            string[] parts = Encoding.UTF8.GetString(bytes, 0, count).Split(':', 2);
            if (parts.Length != 2) throw new FormatException($"auths.\"{name}\".auth is not user:password in base64");
            (user, password) = (parts[0], parts[1].TrimEnd('\0'));
        }
        string? identity = entry.IdentityToken is { Length: > 0 } token ? token : null;
        return user.Length + password.Length == 0 && identity is null ? null : new(name, user, password, identity);
    }
}

/// <summary>What a credential is filed under: host labels, of which each may be a glob; port; and the beginning of a path.</summary>
internal sealed record RegistryKey(string[] Labels, string Port, string Path)
{
    public static RegistryKey Parse(string text)
    {
        int scheme = text.IndexOf("://", StringComparison.Ordinal);
        string rest = scheme >= 0 ? text[(scheme + 3)..] : text;
        int slash = rest.IndexOf('/');
        (string authority, string path) = slash < 0 ? (rest, "") : (rest[..slash], rest[(slash + 1)..]);
        // docker's own keys name the API, which is no part of an image's name.
        foreach (string api in (string[])["v1", "v2"])
            if (path == api || path.StartsWith(api + "/", StringComparison.Ordinal)) path = path[api.Length..].TrimStart('/');
        return Of(authority, path.TrimEnd('/'));
    }

    public bool Matches(string domain, string path)
    {
        RegistryKey image = Of(domain, path);
        return Port == image.Port && Labels.Length == image.Labels.Length
            && Labels.Zip(image.Labels).All(l => FileSystemName.MatchesSimpleExpression(l.First, l.Second))
            && path.StartsWith(Path, StringComparison.Ordinal) && (Path.Length == 0 || Path.Length == path.Length || path[Path.Length] == '/');
    }

    private static RegistryKey Of(string authority, string path)
    {
        // The hub's aliases are one host, and have no port.
        if (RegistryHost.Canonical(authority) is RegistryHost.Hub) return new(["docker", "io"], "", path);
        int colon = authority.LastIndexOf(':');
        if (colon < 0 || authority.EndsWith(']')) return new(authority.Split('.'), "", path);
        return new(authority[..colon].Split('.'), authority[(colon + 1)..], path);
    }
}

internal sealed record DockerConfigDocument(Dictionary<string, DockerConfigEntry?>? Auths);

internal sealed record DockerConfigEntry(string? Auth, string? Username, string? Password, string? IdentityToken);

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, MaxDepth = 32)]
[JsonSerializable(typeof(DockerConfigDocument))]
[JsonSerializable(typeof(Dictionary<string, DockerConfigEntry>))]
internal sealed partial class DockerConfigJson : JsonSerializerContext;
