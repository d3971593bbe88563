using System.Globalization;
using System.Text.Json.Nodes;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>metrics.k8s.io for <c>kubectl top</c>, read off the nodes' /stats/summary.</summary>
public sealed class MetricsApi(ObjectStore store, NodeProxy nodes)
{
    public async Task<JsonObject?> AnswerAsync(string path, CancellationToken cancel)
    {
        if (path.Trim('/').Split('/') is not ["apis", "metrics.k8s.io", "v1beta1", .. var rest]) return null;
        return rest switch
        {
            ["nodes"] => List("NodeMetricsList", [.. await NodesAsync(cancel)]),
            ["nodes", var name] => (await NodesAsync(cancel)).FirstOrDefault(n => Text(n["metadata"]!["name"]) == name) as JsonObject,
            ["pods"] => List("PodMetricsList", [.. await PodsAsync("", cancel)]),
            ["namespaces", var scope, "pods"] => List("PodMetricsList", [.. await PodsAsync(scope, cancel)]),
            ["namespaces", var scope, "pods", var name] => (await PodsAsync(scope, cancel)).FirstOrDefault(p => Text(p["metadata"]!["name"]) == name) as JsonObject,
            _ => null,
        };
    }

    private async Task<List<JsonNode>> NodesAsync(CancellationToken cancel)
    {
        List<JsonNode> found = [];
        foreach ((string name, JsonNode summary) in await SummariesAsync(cancel))
            found.Add(new JsonObject
            {
                ["kind"] = "NodeMetrics",
                ["apiVersion"] = "metrics.k8s.io/v1beta1",
                ["metadata"] = new JsonObject { ["name"] = name },
                ["timestamp"] = Text(summary["node"]!["cpu"]?["time"]),
                ["window"] = "10s",
                ["usage"] = Usage(summary["node"]!),
            });
        return found;
    }

    private async Task<List<JsonNode>> PodsAsync(string scope, CancellationToken cancel)
    {
        List<JsonNode> found = [];
        foreach ((_, JsonNode summary) in await SummariesAsync(cancel))
            foreach (JsonNode pod in ((JsonArray)summary["pods"]!).Select(p => p!).Where(p => scope.Length == 0 || Text(p["podRef"]!["namespace"]) == scope))
                found.Add(new JsonObject
                {
                    ["kind"] = "PodMetrics",
                    ["apiVersion"] = "metrics.k8s.io/v1beta1",
                    ["metadata"] = new JsonObject { ["name"] = Text(pod["podRef"]!["name"]), ["namespace"] = Text(pod["podRef"]!["namespace"]) },
                    ["timestamp"] = Text(pod["cpu"]?["time"]),
                    ["window"] = "10s",
                    ["containers"] = new JsonArray([.. ((JsonArray)pod["containers"]!).Select(c => (JsonNode)new JsonObject { ["name"] = Text(c!["name"]), ["usage"] = Usage(c) })]),
                });
        return found;
    }

    private async Task<List<(string, JsonNode)>> SummariesAsync(CancellationToken cancel)
    {
        List<(string, JsonNode)> all = [];
        foreach (JsonObject node in store.List(ResourceKind.Find("", "v1", "nodes")!, "").Items)
            all.Add((Text(Meta(node)["name"]), await nodes.ReadAsync(Text(Meta(node)["name"]), "/stats/summary?only_cpu_and_memory=true", cancel)));
        return all;
    }

    private static JsonObject Usage(JsonNode stats) => new()
    {
        ["cpu"] = (stats["cpu"]?["usageNanoCores"]?.GetValue<long>() ?? 0).ToString(CultureInfo.InvariantCulture) + "n",
        ["memory"] = ((stats["memory"]?["workingSetBytes"]?.GetValue<long>() ?? 0) / 1024).ToString(CultureInfo.InvariantCulture) + "Ki",
    };

    private static JsonObject List(string kind, JsonNode[] items) => new() { ["kind"] = kind, ["apiVersion"] = "metrics.k8s.io/v1beta1", ["metadata"] = new JsonObject(), ["items"] = new JsonArray(items) };
}
