using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Yaml;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Node.Behaviours;

/// <summary>
/// One row of the table of behaviours (the YAML files beside this one; their head is explained in README.md): a pod, and what
/// becomes of it. Only what the row is about stands in it; the rest is filled in here.
/// </summary>
public sealed class Behaviour
{
    private static readonly Lazy<IReadOnlyList<Behaviour>> Table = new(Read);

    // <node> must stay as it is, to be replaced.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly JsonObject _row;
    private readonly int _number;

    private Behaviour(string topic, int number, JsonObject row)
    {
        (Topic, _number, _row) = (topic, number, row);
        foreach ((string key, _) in row)
            if (key is not ("name" or "script" or "container" or "manifest" or "metadata" or "objects" or "files" or "text" or "expect" or "afterwards" or "needs"))
                throw new FormatException($"{topic}: the row \"{Name}\" has {key}, which is no part of a row");
    }

    public static IReadOnlyList<Behaviour> All => Table.Value;

    public string Topic { get; }

    public string Name => (string)_row["name"]!;

    /// <summary>A command of the machine without which the row says nothing; null: it always does.</summary>
    public string? Needs => (string?)_row["needs"];

    /// <summary>The pod's name, but for the node's that follows it.</summary>
    public string Pod => $"row{_number}";

    public Expectation Expect => new(this, _row["expect"]!.AsObject());

    /// <summary>What holds after the manifest was taken away and the pod has gone; null: it stays.</summary>
    public Expectation? Afterwards => _row["afterwards"] is JsonObject then ? new(this, then) : null;

    /// <summary>As it is put on the node; null where the row has a text of its own that is no pod.</summary>
    public string Manifest(AgentHost node)
    {
        IEnumerable<JsonNode> documents = [.. Items(_row["objects"]).OfType<JsonObject>(), WholePod()];
        return InPlace((string?)_row["text"] ?? string.Join("\n---\n", documents.Select(d => d.ToJsonString(Plain))), node);
    }

    public JsonObject InPlace(JsonObject wanted, AgentHost node) => JsonNode.Parse(InPlace(wanted.ToJsonString(Plain), node))!.AsObject();

    /// <summary>Files and directories (where the name ends with a slash) of the machine that the row finds.</summary>
    public void PlaceFiles(AgentHost node)
    {
        foreach ((string name, JsonNode? content) in _row["files"] as JsonObject ?? [])
        {
            string path = node[name];
            Directory.CreateDirectory(name.EndsWith('/') ? path : Path.GetDirectoryName(path)!);
            if (!name.EndsWith('/')) File.WriteAllText(path, (string?)content ?? "");
        }
    }

    private string InPlace(string text, AgentHost node) => text
        .Replace("<node>", node.Root, StringComparison.Ordinal)
        .Replace("<nodename>", File.ReadAllText("/proc/sys/kernel/hostname").Trim().ToLowerInvariant(), StringComparison.Ordinal)
        .Replace("<pod>", Pod, StringComparison.Ordinal);

    private JsonObject WholePod()
    {
        JsonObject metadata = Copy(_row["metadata"]), spec = Copy(_row["manifest"]);
        metadata.TryAdd("name", Pod);
        spec.TryAdd("restartPolicy", "Never");
        spec.TryAdd("terminationGracePeriodSeconds", 1);
        if (!spec.ContainsKey("containers")) spec["containers"] = new JsonArray(Copy(_row["container"]));
        foreach (JsonObject container in ((JsonNode?[])[.. Items(spec["containers"]), .. Items(spec["initContainers"])]).OfType<JsonObject>())
        {
            container.TryAdd("name", "main");
            container.TryAdd("image", AgentHost.Image);
            container.TryAdd("imagePullPolicy", "Never");
        }
        if (_row["script"] is { } script && Items(spec["containers"]).FirstOrDefault() is JsonObject first)
            first.TryAdd("command", new JsonArray("sh", "-c", script.DeepClone()));
        foreach (string removed in spec.Where(field => field.Value is null).Select(field => field.Key).ToArray()) spec.Remove(removed);
        return new() { ["apiVersion"] = "v1", ["kind"] = "Pod", ["metadata"] = metadata, ["spec"] = spec };
    }

    private static IEnumerable<JsonNode?> Items(JsonNode? list) => list as JsonArray ?? [];

    private static JsonObject Copy(JsonNode? node) => node?.DeepClone().AsObject() ?? [];

    private static List<Behaviour> Read()
    {
        List<Behaviour> rows = [];
        System.Reflection.Assembly here = typeof(Behaviour).Assembly;
        foreach (string file in here.GetManifestResourceNames().Where(n => n.EndsWith(".yaml", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using MemoryStream content = new();
            using (Stream embedded = here.GetManifestResourceStream(file)!) embedded.CopyTo(content);
            string topic = file[..^".yaml".Length];
            JsonArray table = JsonNode.Parse(YamlDocuments.Read(content.ToArray()).Single().Json.Span)!.AsArray();
            rows.AddRange(table.Select((row, i) => new Behaviour(topic, i + 1, row!.AsObject())));
        }
        return rows;
    }
}
