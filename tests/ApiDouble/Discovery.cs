using System.Text.Json.Nodes;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>What clients read to learn which kinds there are.</summary>
public static class Discovery
{
    /// <returns>Null where the path is none of discovery's.</returns>
    public static JsonObject? Answer(string path) => path.Trim('/').Split('/') switch
    {
        ["version"] => new() { ["major"] = "1", ["minor"] = "36", ["gitVersion"] = "v1.36.2", ["platform"] = "linux/amd64" },
        ["api"] => new() { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1"), ["serverAddressByClientCIDRs"] = new JsonArray() },
        ["apis"] => new() { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. Groups()]) },
        ["api", "v1"] => Resources("", "v1"),
        ["apis", "metrics.k8s.io", "v1beta1"] => MetricsResources(),
        ["apis", var group, var version] when ResourceKind.All.Any(k => k.Group == group && k.Version == version) => Resources(group, version),
        _ => null,
    };

    private static IEnumerable<JsonNode> Groups() => ResourceKind.All.Where(k => k.Group.Length > 0).Select(k => (k.Group, k.Version)).Append(("metrics.k8s.io", "v1beta1")).Distinct()
        .Select(g => (JsonNode)new JsonObject { ["name"] = g.Item1, ["versions"] = new JsonArray(Version(g)), ["preferredVersion"] = Version(g) });

    private static JsonObject Version((string Group, string Version) g) => new() { ["groupVersion"] = $"{g.Group}/{g.Version}", ["version"] = g.Version };

    private static JsonObject Resources(string group, string version)
    {
        JsonArray resources = [];
        foreach (ResourceKind kind in ResourceKind.All.Where(k => k.Group == group && k.Version == version))
        {
            string[] verbs = kind.Stored ? ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] : ["create"];
            resources.Add(Resource(kind.Plural, kind.Kind, kind.Namespaced, verbs, kind.ShortNames));
            foreach (string sub in kind.SubResources) resources.Add(Resource($"{kind.Plural}/{sub}", kind.Kind, kind.Namespaced, ["create", "get", "patch", "update"], []));
        }
        return new() { ["kind"] = "APIResourceList", ["apiVersion"] = "v1", ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}", ["resources"] = resources };
    }

    private static JsonObject MetricsResources() => new()
    {
        ["kind"] = "APIResourceList",
        ["apiVersion"] = "v1",
        ["groupVersion"] = "metrics.k8s.io/v1beta1",
        ["resources"] = new JsonArray(Resource("nodes", "NodeMetrics", false, ["get", "list"], []), Resource("pods", "PodMetrics", true, ["get", "list"], [])),
    };

    private static JsonObject Resource(string name, string kind, bool namespaced, IEnumerable<string> verbs, IEnumerable<string> shortNames)
    {
        JsonObject resource = new() { ["name"] = name, ["singularName"] = "", ["namespaced"] = namespaced, ["kind"] = kind, ["verbs"] = new JsonArray([.. verbs.Select(v => (JsonNode)v)]) };
        if (shortNames.Any()) resource["shortNames"] = new JsonArray([.. shortNames.Select(n => (JsonNode)n)]);
        return resource;
    }
}
