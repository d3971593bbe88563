using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Node.Behaviours;

/// <summary>A pod as its node shows it, the whole Kubernetes object, and its containers' logs beside it.</summary>
public sealed class ShownPod(JsonObject pod)
{
    public JsonObject Object => pod;

    public string Name => $"{pod["metadata"]!["name"]}";

    public string Namespace => $"{pod["metadata"]!["namespace"]}";

    public string Uid => $"{pod["metadata"]!["uid"]}";

    public string Phase => $"{pod["status"]?["phase"]}";

    public string FirstContainer => $"{pod["spec"]!["containers"]![0]!["name"]}";

    public JsonObject? Status(string container) => ((string[])["containerStatuses", "initContainerStatuses"])
        .SelectMany(list => pod["status"]?[list] as JsonArray ?? [])
        .OfType<JsonObject>().FirstOrDefault(c => $"{c["name"]}" == container);

    /// <returns>waiting, running or terminated, and what is said of it; empty where there is no status yet.</returns>
    public (string Kind, JsonObject? Body) State(string container) =>
        (Status(container)?["state"] as JsonObject)?.FirstOrDefault() is { Key: { } kind } state ? (kind, state.Value as JsonObject) : ("", null);

    public string Condition(string type) =>
        $"{(pod["status"]?["conditions"] as JsonArray ?? []).FirstOrDefault(c => $"{c!["type"]}" == type)?["status"]}";

    /// <summary>What the container's last instance wrote, as it wrote it.</summary>
    public string Log(string container, AgentHost node)
    {
        string directory = Path.Combine(node["logs/pods"], $"{Namespace}_{Name}_{Uid}", container);
        if (!Directory.Exists(directory)) return "";
        string? newest = Directory.GetFiles(directory, "*.log").MaxBy(f => int.Parse(Path.GetFileNameWithoutExtension(f), System.Globalization.CultureInfo.InvariantCulture));
        StringBuilder text = new();
        foreach (string line in newest is null ? [] : File.ReadAllLines(newest))
        {
            // TIME STREAM TAG CONTENT; the tag of a line's last piece is F.
            string[] parts = line.Split(' ', 4);
            if (parts.Length == 4) text.Append(parts[3]).Append(parts[2] == "F" ? "\n" : "");
        }
        return text.ToString();
    }
}
