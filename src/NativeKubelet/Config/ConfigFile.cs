using System.Text.Json;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Api.Yaml;

namespace NativeKubelet.Config;

/// <summary>Reads --config and --config-dir. What is unknown warns, what is of the wrong type ends the start.</summary>
internal static class ConfigFile
{
    private static readonly string[] RelativePaths =
        ["staticPodPath", "authentication.x509.clientCAFile", "tlsCertFile", "tlsPrivateKeyFile", "resolvConf", "volumePluginDir", "podLogsDir"];

    public static ConfigLayer Load(string path, List<string> warnings)
    {
        ConfigLayer layer = Read(path, ConfigOriginKind.File, "failed to load kubelet config file", warnings);
        JsonObject config = layer.Given;
        string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        foreach (string field in RelativePaths)
        {
            JsonNode? node = config;
            foreach (string name in field.Split('.')) node = (node as JsonObject)?[name];
            if (node is JsonValue value && value.TryGetValue(out string? text) && text.Length > 0 && !Path.IsPathRooted(text))
                FlagParser.Set(config, field, Path.GetFullPath(text, directory));
        }

        return layer;
    }

    /// <summary>Merges the directory's *.conf files in order over <paramref name="config"/> (RFC 7386).</summary>
    /// <returns>What each file gave.</returns>
    public static List<ConfigLayer> MergeDropIns(JsonObject config, string directory, List<string> warnings)
    {
        List<ConfigLayer> layers = [.. DropIns(directory).Select(file => Read(file, ConfigOriginKind.DropIn, "failed to load kubelet dropin file", warnings))];
        foreach (ConfigLayer layer in layers) Merge(config, layer.Given);
        return layers;
    }

    /// <exception cref="ConfigException">A field holds a value of the wrong type; file, field and line are named.</exception>
    public static KubeletConfiguration Decode(JsonObject config, string origin = "configuration", SourceMap? source = null)
    {
        try
        {
            return config.Deserialize(KubeletConfigurationContext.Default.KubeletConfiguration) ?? new();
        }
        catch (JsonException e)
        {
            string field = (e.Path ?? "$").TrimStart('$').TrimStart('.');
            string line = source is null ? "" : $" line {source.Find(field).Line}:";
            string reason = e.InnerException?.Message ?? e.Message;
            int detail = reason.IndexOf(" Path: $", StringComparison.Ordinal);
            throw new ConfigException($"{origin}:{line} field {field}: {(detail < 0 ? reason : reason[..detail]).TrimEnd('.')}", e);
        }
    }

    private static ConfigLayer Read(string path, ConfigOriginKind origin, string failure, List<string> warnings)
    {
        try
        {
            IReadOnlyList<YamlDocument> documents = YamlDocuments.Read(File.ReadAllBytes(path));
            if (documents.Count == 0) throw new ConfigException("the file was empty");
            if (documents.Count > 1) throw new ConfigException($"one document is expected, another begins on line {documents[1].Line}");
            YamlDocument document = documents[0];
            if (JsonNode.Parse(document.Json.Span) is not JsonObject config) throw new ConfigException("a map is expected");
            (string? version, string? kind) = (Word(config["apiVersion"]), Word(config["kind"]));
            if (version != "kubelet.config.k8s.io/v1beta1" || kind != "KubeletConfiguration")
                throw new ConfigException($"no kind \"{kind}\" is registered for version \"{version}\"; kubelet.config.k8s.io/v1beta1 KubeletConfiguration is expected");
            Decode(config, path, document.Source);
            using JsonDocument json = JsonDocument.Parse(document.Json);
            foreach (UnknownField unknown in KnownFields.FindUnknown(json.RootElement, KubeletConfigurationContext.Default.KubeletConfiguration))
                warnings.Add($"{path}: line {document.Source.Find(unknown.Path).Line}: {unknown}, it has no effect");
            foreach (YamlProblem duplicate in document.Duplicates)
                warnings.Add($"{path}: {duplicate}, the last one counts");
            return new(origin, path, config, document.Source);
        }
        catch (Exception e) when (e is ConfigException or YamlFormatException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{failure}, path: {path}, error: {e.Message}", e);
        }
    }

    private static string? Word(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : node?.ToJsonString();

    private static IEnumerable<string> DropIns(string directory)
    {
        List<FileSystemInfo> entries;
        try
        {
            entries = [.. new DirectoryInfo(directory).EnumerateFileSystemInfos()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"failed to read the kubelet config directory {directory}: {e.Message}", e);
        }

        foreach (FileSystemInfo entry in entries.OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            if (entry is DirectoryInfo { LinkTarget: null })
                foreach (string file in DropIns(entry.FullName)) yield return file;
            else if (entry is FileInfo && entry.Extension == ".conf")
                yield return entry.FullName;
        }
    }

    private static void Merge(JsonObject into, JsonObject patch)
    {
        foreach ((string name, JsonNode? value) in patch)
        {
            if (value is null) into.Remove(name);
            else if (value is JsonObject changes && into[name] is JsonObject had) Merge(had, changes);
            else into[name] = value.DeepClone();
        }
    }
}
