using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>Pods that take more of the disk than they may. The node looks every ten seconds, as the original does.</summary>
public sealed class EvictionTests
{
    [Fact]
    public async Task Pods_beyond_their_limits_of_local_storage_are_evicted_and_others_run_on()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("volume", Write("/cache", 4), spec: s => Limit(s, null, "1Mi"));
        host.Run("layer", Write("/", 4), spec: s => Limit(s, "1Mi", null, other: "100Mi"));
        host.Run("sum", Write("/cache", 4), spec: s => Limit(s, "1Mi", "100Mi"));
        host.Run("within", Write("/cache", 4), spec: s => Limit(s, "50Mi", "8Mi"));
        await host.RunningAsync("within");

        await EvictedAsync(host, "volume", "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Mi\". ");
        await EvictedAsync(host, "layer", "Container main exceeded its local ephemeral storage limit \"1Mi\". ");
        await EvictedAsync(host, "sum", "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ");

        string counted = host.Kubectl("get", "--raw", $"/api/v1/nodes/{host.Node}/proxy/metrics").Out;
        Assert.All((string[])["emptydirfs", "ephemeralcontainerfs", "ephemeralpodfs"], what => Assert.Contains($"kubelet_evictions{{eviction_signal=\"{what}.limit\"}} 1\n", counted, StringComparison.Ordinal));

        JsonObject within = host.Api.Find("pods", "within")!;
        Assert.Equal(("Running", "0"), (Text(within["status"]!["phase"]), Text(within["status"]!["containerStatuses"]![0]!["restartCount"])));
        await host.Agent.KillAsync();
        await host.StartAgentAsync();
        host.Run("marker", "exit 0", "Never");
        await host.PodAsync("marker", p => Text(p["status"]!["phase"]) == "Succeeded");
        Assert.Equal("Evicted", Text(host.Api.Find("pods", "volume")!["status"]!["reason"]));
    }

    private static async Task EvictedAsync(ClusterHost host, string name, string message)
    {
        JsonObject pod = await host.PodAsync(name, p => Text(p["status"]!["phase"]) == "Failed");
        Assert.Equal(("Evicted", message), (Text(pod["status"]!["reason"]), Text(pod["status"]!["message"])));
        Assert.NotNull(pod["status"]!["containerStatuses"]![0]!["state"]!["terminated"]);
        await host.Api.WaitAsync(
            s => s.List(ResourceKind.Find("", "v1", "events")!, "default").Items.FirstOrDefault(e =>
                Text(e["involvedObject"]!["name"]) == name && (Text(e["reason"]), Text(e["type"]), Text(e["message"])) == ("Evicted", "Warning", message)), AgentHost.Deadline());
    }

    private static string Write(string directory, int megabytes) => $"dd if=/dev/zero of={directory}/file bs=1M count={megabytes} && trap exit TERM; sleep 1000 & wait";

    private static void Limit(JsonObject spec, string? container, string? volume, string? other = null)
    {
        JsonObject main = spec["containers"]![0]!.AsObject();
        if (other is not null)
        {
            JsonObject second = (JsonObject)main.DeepClone();
            (second["name"], second["command"], second["resources"]) = ("other", new JsonArray("sh", "-c", "trap exit TERM; sleep 1000 & wait"), Limits(other));
            spec["containers"]!.AsArray().Add((JsonNode)second);
        }
        if (container is not null) main["resources"] = Limits(container);
        JsonObject source = volume is null ? [] : new() { ["sizeLimit"] = volume };
        spec["volumes"] = new JsonArray(new JsonObject { ["name"] = "cache", ["emptyDir"] = source });
        main["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "cache", ["mountPath"] = "/cache" });
    }

    private static JsonObject Limits(string amount) => new() { ["limits"] = new JsonObject { ["ephemeral-storage"] = amount }, ["requests"] = new JsonObject { ["ephemeral-storage"] = "1Mi" } };
}
