using System.Collections.Immutable;
using System.Globalization;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>What a hosts.toml says (containerd's registry host configuration): hosts in the order in which they are tried.</summary>
/// <param name="Ignored">Keys that mean nothing here, with their lines.</param>
public sealed record HostsFile(ImmutableArray<RegistryHost> Hosts, ImmutableArray<string> Ignored)
{
    private const HostCapabilities Everything = HostCapabilities.Pull | HostCapabilities.Resolve;

    /// <param name="directory">What relative file names in it are relative to.</param>
    /// <param name="domain">The registry asked for; tried last where the file names no server.</param>
    /// <exception cref="TomlException">With the line to change.</exception>
    public static HostsFile Parse(ReadOnlySpan<char> text, string directory, string domain)
    {
        List<string> ignored = [];
        TomlTable root = TomlReader.Read(text);
        List<RegistryHost> hosts = [];
        if (root.Find("host") is { } host)
            foreach ((string url, TomlValue value) in Table(host, "host").Entries)
                hosts.Add(Host(url, value.Line, Table(value, $"host.\"{url}\""), directory, $"host.\"{url}\".", ignored));
        string? server = root.Find("server") is { } named ? Text(named, "server") : null;
        hosts.Add(Host(server ?? RegistryHost.DefaultRoot(domain).ToString()[..^"v2/".Length], root.Find("server")?.Line ?? 1, root, directory, "", ignored));
        return new([.. hosts], [.. ignored]);
    }

    private static RegistryHost Host(string url, int line, TomlTable table, string directory, string path, List<string> ignored)
    {
        HostCapabilities capabilities = Everything;
        ImmutableArray<string> authorities = [];
        ImmutableArray<ClientCertificate> clients = [];
        ImmutableArray<KeyValuePair<string, string>> headers = [];
        bool skipVerify = false, overridePath = false;
        TimeSpan? dial = null;
        foreach ((string key, TomlValue value) in table.Entries)
        {
            string name = path + key;
            switch (key)
            {
                case "capabilities": capabilities = Capabilities(Texts(value, name), value.Line, name); break;
                case "ca": authorities = [.. Texts(value, name).Select(f => File(f, directory, value.Line, name))]; break;
                case "client": clients = Clients(value, name, directory); break;
                case "skip_verify": skipVerify = Boolean(value, name); break;
                case "override_path": overridePath = Boolean(value, name); break;
                case "dial_timeout": dial = Duration(Text(value, name), value.Line, name); break;
                case "header": headers = Headers(Table(value, name), name); break;
                case "server" or "host" when path.Length == 0: break;
                default: ignored.Add($"line {value.Line}: {name}"); break;
            }
        }
        return new(Root(url, overridePath, line), capabilities, new(authorities, clients, skipVerify, dial), headers);
    }

    private static Uri Root(string url, bool overridePath, int line)
    {
        string full = url.Contains("://", StringComparison.Ordinal) ? url : $"{RegistryHost.DefaultScheme(url.Split('/')[0])}://{url}";
        if (!Uri.TryCreate(full, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            throw new TomlException(line, $"'{url}' is no address of a host; write https://name or https://name:port");
        // A name and password here would be sent in clear to logs and mirrors' logs.
        if (uri.UserInfo.Length > 0) throw new TomlException(line, "a user and password do not belong into the address; use an image pull secret or the node's docker configuration");
        if (uri.Query.Length > 0 || uri.Fragment.Length > 0) throw new TomlException(line, $"'{url}' has a query or fragment, which an address of a host cannot have");
        string path = uri.AbsolutePath.TrimEnd('/');
        if (!overridePath && !path.EndsWith("/v2", StringComparison.Ordinal)) path += "/v2";
        // Not as a relative address: a path that begins with two slashes would be another host.
        return new UriBuilder(uri) { Path = path + "/" }.Uri;
    }

    private static HostCapabilities Capabilities(IEnumerable<string> names, int line, string key)
    {
        HostCapabilities all = HostCapabilities.None;
        foreach (string name in names)
            all |= name switch
            {
                "pull" => HostCapabilities.Pull,
                "resolve" => HostCapabilities.Resolve,
                // Nothing is ever pushed from here.
                "push" => HostCapabilities.None,
                _ => throw new TomlException(line, $"{key}: '{name}' is none of pull, resolve, push"),
            };
        return all;
    }

    /// <summary>One file with both; a list of such; or a list of [certificate, key] pairs.</summary>
    private static ImmutableArray<ClientCertificate> Clients(TomlValue value, string key, string directory)
    {
        ClientCertificate One(TomlValue item)
        {
            string[] files = [.. Texts(item, key).Select(f => File(f, directory, item.Line, key))];
            return files.Length switch
            {
                1 => new(files[0], files[0]),
                2 when files[1].Length > 0 => new(files[0], files[1]),
                _ => throw new TomlException(item.Line, $"{key}: expected [\"certificate\", \"key\"], got {files.Length} names"),
            };
        }
        return value is TomlArray list ? [.. list.Items.Select(One)] : [One(value)];
    }

    private static ImmutableArray<KeyValuePair<string, string>> Headers(TomlTable table, string key)
    {
        ImmutableArray<KeyValuePair<string, string>>.Builder headers = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        foreach ((string name, TomlValue value) in table.Entries)
        {
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) throw new TomlException(value.Line, $"{key}: '{name}' is no name of a header");
            foreach (string text in Texts(value, $"{key}.{name}"))
                headers.Add(new(name, text.Any(char.IsControl) ? throw new TomlException(value.Line, $"{key}.{name}: the value has control characters") : text));
        }
        return headers.ToImmutable();
    }

    private static string File(string name, string directory, int line, string key) =>
        name.Length == 0 || name.Contains('\0') ? throw new TomlException(line, $"{key}: the file name is empty") : Path.GetFullPath(name, directory);

    /// <summary>Go's form, as far as time limits need it: whole numbers with ms, s, m or h; a bare number counts seconds.</summary>
    private static TimeSpan Duration(string text, int line, string key)
    {
        string unit = text.TrimStart("0123456789".ToCharArray());
        double? second = unit switch { "ms" => 0.001, "s" or "" => 1, "m" => 60, "h" => 3600, _ => null };
        return second is { } factor && int.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0 && count * factor <= 86_400
            ? TimeSpan.FromSeconds(count * factor)
            : throw new TomlException(line, $"{key}: '{text}' is no time such as \"10s\" or \"1m\"");
    }

    private static TomlTable Table(TomlValue value, string key) => value as TomlTable ?? throw new TomlException(value.Line, $"{key} must be a table");

    private static string Text(TomlValue value, string key) => (value as TomlText)?.Text ?? throw new TomlException(value.Line, $"{key} must be text in quotes");

    private static bool Boolean(TomlValue value, string key) => (value as TomlBoolean)?.Value ?? throw new TomlException(value.Line, $"{key} must be true or false");

    /// <summary>A text, or a list of them.</summary>
    private static IEnumerable<string> Texts(TomlValue value, string key) => value is TomlArray list ? list.Items.Select(i => Text(i, key)) : [Text(value, key)];
}
