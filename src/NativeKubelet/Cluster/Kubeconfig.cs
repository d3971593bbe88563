using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Yaml;
using NativeKubelet.Config;

namespace NativeKubelet.Cluster;

/// <summary>
/// The current context of a kubeconfig: where the API server is, whom it must prove to be, and who we are. Relative paths are
/// made absolute; nothing but the file itself is read.
/// </summary>
/// <param name="AuthorityPem">Certificates to trust, of data or file; null: the machine's own.</param>
public sealed record Kubeconfig(Uri Server, string? AuthorityPem, string? AuthorityFile, string? TlsServerName, bool Insecure, Uri? Proxy, KubeconfigUser User)
{
    private const int MostBytes = 1 << 20;

    /// <exception cref="ConfigException">The file cannot be read, or names no usable context; it and the field are named.</exception>
    public static Kubeconfig Load(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MostBytes }) throw new ConfigException($"larger than {MostBytes >> 20} MiB");
            return Parse(File.ReadAllBytes(path), Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is ConfigException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"kubeconfig {path}: {e.Message}", e);
        }
    }

    /// <param name="directory">What relative paths are relative to.</param>
    /// <exception cref="ConfigException">As <see cref="Load"/>, without the file's name.</exception>
    public static Kubeconfig Parse(ReadOnlyMemory<byte> text, string directory)
    {
        JsonObject root = Document(text);
        string current = Text(root, "current-context") ?? throw new ConfigException("invalid kubeconfig: current-context is not set");
        JsonObject context = Named(root, "contexts", current, "context");
        JsonObject cluster = Named(root, "clusters", Text(context, "cluster") ?? "", "cluster");
        JsonObject user = Named(root, "users", Text(context, "user") ?? "", "user");
        (string? authority, string? authorityFile) = Material(cluster, "certificate-authority", directory);
        bool insecure = Flag(cluster, "insecure-skip-tls-verify");
        if (insecure && (authority ?? authorityFile) is not null)
            throw new ConfigException("invalid kubeconfig: cluster: insecure-skip-tls-verify excludes a certificate-authority; remove one of them");
        return new(
            Address(cluster, "server") ?? throw new ConfigException("invalid kubeconfig: cluster: server is not set"),
            authority, authorityFile, Text(cluster, "tls-server-name"), insecure, Address(cluster, "proxy-url"), KubeconfigUser.Read(user, directory));
    }

    /// <summary>Those that the server's certificate must be of; empty: those of the machine. The caller disposes of them.</summary>
    /// <exception cref="ConfigException">They cannot be read.</exception>
    public X509Certificate2Collection Authorities()
    {
        X509Certificate2Collection all = [];
        try
        {
            if (AuthorityPem is { } pem) all.ImportFromPem(pem);
            else if (AuthorityFile is { } file) all.ImportFromPemFile(file);
            else return all;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"certificate-authority {AuthorityFile ?? "data"}: {e.Message}", e);
        }
        return all.Count > 0 ? all : throw new ConfigException($"certificate-authority {AuthorityFile ?? "data"} holds no certificate in PEM form");
    }

    /// <summary>A file that says the same, of a user whose certificate and key are in files. Under the names that a kubelet gives.</summary>
    public byte[] ToYaml()
    {
        StringBuilder text = new();
        text.Append("apiVersion: v1\nkind: Config\ncurrent-context: default-context\nclusters:\n- name: default-cluster\n  cluster:\n");
        Line("server", Server.ToString().TrimEnd('/'));
        Line("certificate-authority", AuthorityFile);
        if (AuthorityPem is { } pem) text.Append($"    certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(pem))}\n");
        Line("tls-server-name", TlsServerName);
        Line("proxy-url", Proxy?.ToString());
        if (Insecure) text.Append("    insecure-skip-tls-verify: true\n");
        text.Append("contexts:\n- name: default-context\n  context:\n    cluster: default-cluster\n    namespace: default\n    user: default-auth\nusers:\n- name: default-auth\n  user:\n");
        Line("client-certificate", User.CertificateFile);
        Line("client-key", User.KeyFile);
        return Encoding.UTF8.GetBytes(text.ToString());

        // A string of JSON is one of YAML.
        void Line(string field, string? value)
        {
            if (value is not null) text.Append($"    {field}: {JsonValue.Create(value).ToJsonString()}\n");
        }
    }

    /// <summary>Data beats file, as clients agree.</summary>
    internal static (string? Data, string? File) Material(JsonObject from, string field, string directory)
    {
        if (Text(from, field + "-data") is { } data)
        {
            try
            {
                return (Encoding.UTF8.GetString(Convert.FromBase64String(data)), null);
            }
            catch (FormatException e)
            {
                throw new ConfigException($"invalid kubeconfig: {field}-data is not base64", e);
            }
        }
        return (null, Text(from, field) is { } file ? Path.GetFullPath(file, directory) : null);
    }

    /// <exception cref="ConfigException">It is there and no text.</exception>
    internal static string? Text(JsonObject from, string field) => from[field] switch
    {
        null => null,
        JsonValue value when value.TryGetValue(out string? text) && !text.Contains('\0') => text.Length == 0 ? null : text,
        _ => throw new ConfigException($"invalid kubeconfig: {field} must be a string"),
    };

    private static bool Flag(JsonObject from, string field) => from[field] switch
    {
        null => false,
        JsonValue value when value.TryGetValue(out bool flag) => flag,
        _ => throw new ConfigException($"invalid kubeconfig: {field} must be true or false"),
    };

    private static Uri? Address(JsonObject cluster, string field)
    {
        if (Text(cluster, field) is not { } text) return null;
        if (!text.Contains("://", StringComparison.Ordinal)) text = "https://" + text;
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "https" or "http" or "socks5"
            ? address : throw new ConfigException($"invalid kubeconfig: cluster: {field} \"{text}\" is no address such as https://10.0.0.1:6443");
    }

    private static JsonObject Named(JsonObject root, string list, string name, string part)
    {
        JsonObject? found = (root[list] as JsonArray)?.OfType<JsonObject>().FirstOrDefault(o => Text(o, "name") == name);
        return found?[part] as JsonObject ?? throw new ConfigException($"invalid kubeconfig: {list} has no entry \"{name}\" with a {part}");
    }

    private static JsonObject Document(ReadOnlyMemory<byte> text)
    {
        try
        {
            if (YamlDocuments.Read(text) is not [var only]) throw new ConfigException("invalid kubeconfig: one document is expected");
            if (JsonNode.Parse(only.Json.Span) is not JsonObject root) throw new ConfigException("invalid kubeconfig: a map is expected");
            return Text(root, "kind") is null or "Config" ? root : throw new ConfigException("invalid kubeconfig: kind must be Config");
        }
        catch (YamlFormatException e)
        {
            throw new ConfigException($"invalid kubeconfig: {e.Message}", e);
        }
    }
}
