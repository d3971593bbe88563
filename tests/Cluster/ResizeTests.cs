using System.Text.Json.Nodes;
using NativeKubelet.Core.Resources;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;
using static NativeKubelet.Tests.Cluster.PodGroups;

namespace NativeKubelet.Tests.Cluster;

/// <summary>CPU and memory of running pods are changed by kubectl through the sub-resource resize.</summary>
public sealed class ResizeTests
{
    private const string Server = "trap exit TERM; sleep 1000 & wait";

    [Fact]
    public async Task CPU_goes_up_and_down_in_the_groups_of_container_and_pod_without_a_restart()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", Server, spec: s => Resources(s, cpu: ("100m", "200m")));
        JsonObject before = await host.RunningAsync("web");
        Assert.Equal((20_000, 20_000), (Quota(host, before), PodQuota(host, before)));

        Resize(host, "web", """{"requests":{"cpu":"300m"},"limits":{"cpu":"400m"}}""");
        JsonObject grown = await ResizedAsync(host, "web", "limits", "cpu", "400m");
        Assert.Equal((40_000, 40_000), (Quota(host, grown), PodQuota(host, grown)));
        Assert.Equal(("300m", "300m"), (Text(StatusOf(grown)["allocatedResources"]!["cpu"]), Text(StatusOf(grown)["resources"]!["requests"]!["cpu"])));

        Resize(host, "web", """{"requests":{"cpu":"50m"},"limits":{"cpu":"100m"}}""");
        JsonObject shrunk = await ResizedAsync(host, "web", "limits", "cpu", "100m");
        Assert.Equal((10_000, 10_000), (Quota(host, shrunk), PodQuota(host, shrunk)));

        AssertNotRestarted(before, shrunk);
        await host.EventAsync("ResizeStarted", "Pod resize started: {\"containers\":[{\"name\":\"main\",\"resources\":{\"limits\":{\"cpu\":\"400m\"},\"requests\":{\"cpu\":\"300m\"}}}],\"generation\":2}");
        await host.EventAsync("ResizeCompleted", "Pod resize completed: {\"containers\":[{\"name\":\"main\",\"resources\":{\"limits\":{\"cpu\":\"100m\"},\"requests\":{\"cpu\":\"50m\"}}}],\"generation\":3}");
    }

    [Fact]
    public async Task Memory_grows_and_is_not_lowered_below_what_is_in_use()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("cache", "dd if=/dev/zero of=/dev/shm/held bs=1M count=40; " + Server, spec: s => Resources(s, memory: ("64Mi", "64Mi")));
        JsonObject before = await host.RunningAsync("cache");

        Resize(host, "cache", """{"requests":{"memory":"96Mi"},"limits":{"memory":"96Mi"}}""");
        JsonObject grown = await ResizedAsync(host, "cache", "limits", "memory", "96Mi");
        Assert.Equal((96L << 20, 96L << 20), (Memory(host, grown), PodMemory(host, grown)));

        Resize(host, "cache", """{"requests":{"memory":"16Mi"},"limits":{"memory":"16Mi"}}""");
        JsonObject refused = await host.PodAsync("cache", p => Text(Condition(p, "PodResizeInProgress")?["reason"]) == "Error");
        Assert.StartsWith("cannot decrease memory limits: [attempting to set pod memory limit (16777216) below current usage (", Text(Condition(refused, "PodResizeInProgress")!["message"]), StringComparison.Ordinal);
        Assert.Equal("3", Text(Condition(refused, "PodResizeInProgress")!["observedGeneration"]));
        Assert.Equal(("16Mi", "96Mi"), (Text(StatusOf(refused)["allocatedResources"]!["memory"]), Text(StatusOf(refused)["resources"]!["limits"]!["memory"])));
        Assert.Equal((96L << 20, 96L << 20), (Memory(host, refused), PodMemory(host, refused)));

        Resize(host, "cache", """{"requests":{"memory":"80Mi"},"limits":{"memory":"80Mi"}}""");
        JsonObject lowered = await ResizedAsync(host, "cache", "limits", "memory", "80Mi");
        Assert.Equal((80L << 20, 80L << 20), (Memory(host, lowered), PodMemory(host, lowered)));
        AssertNotRestarted(before, lowered);
    }

    [Fact]
    public async Task A_container_whose_policy_wants_it_is_restarted_for_it_and_its_neighbour_is_not()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("pair", Server, spec: s =>
        {
            Resources(s, memory: ("32Mi", "32Mi"));
            JsonArray containers = (JsonArray)s["containers"]!;
            JsonObject other = (JsonObject)containers[0]!.DeepClone();
            other["name"] = "other";
            containers.Add((JsonNode)other);
            containers[0]!["resizePolicy"] = new JsonArray(new JsonObject { ["resourceName"] = "memory", ["restartPolicy"] = "RestartContainer" });
        });
        JsonObject before = await host.RunningAsync("pair");

        Resize(host, "pair", """{"requests":{"memory":"48Mi"},"limits":{"memory":"48Mi"}}""");
        JsonObject after = await host.PodAsync("pair", p => Text(StatusOf(p)["restartCount"]) == "1" && ClusterHost.Condition(p, "Ready") == "True" && Condition(p, "PodResizeInProgress") is null);

        Assert.Equal((48L << 20, 80L << 20), (Memory(host, after), PodMemory(host, after)));
        Assert.Equal((Text(StatusOf(before, "other")["containerID"]), "0"), (Text(StatusOf(after, "other")["containerID"]), Text(StatusOf(after, "other")["restartCount"])));
        await host.EventAsync("Killing", "Container main resize requires restart");
    }

    [Fact]
    public async Task A_pods_own_amounts_are_resized_and_told_with_what_it_was_granted()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("own", Server, spec: s => s["resources"] = Own("100m", "200m", "64Mi"));
        host.Run("sum", Server, spec: s => Resources(s, cpu: ("100m", null), memory: ("32Mi", "64Mi")));
        JsonObject before = await host.RunningAsync("own"), sum = await host.RunningAsync("sum");
        AssertTold(before, "100m", "200m", "64Mi");
        Assert.Equal(("100m", "32Mi", "64Mi"), (Text(sum["status"]!["allocatedResources"]!["cpu"]), Text(sum["status"]!["resources"]!["requests"]!["memory"]), Text(sum["status"]!["resources"]!["limits"]!["memory"])));
        Assert.Null(sum["status"]!["resources"]!["limits"]!["cpu"]);

        (int code, _, string error) = host.Kubectl("patch", "pod", "own", "--subresource", "resize", "-p", "{\"spec\":{\"resources\":" + Own("300m", "400m", "96Mi").ToJsonString() + "}}");
        Assert.True(code == 0, error);
        JsonObject after = await host.PodAsync("own", p => Text(p["status"]!["resources"]?["limits"]?["cpu"]) == "400m" && Condition(p, "PodResizeInProgress") is null && Condition(p, "PodResizePending") is null);

        AssertTold(after, "300m", "400m", "96Mi");
        Assert.Equal((40_000, 96L << 20), (PodQuota(host, after), PodMemory(host, after)));
        AssertNotRestarted(before, after);

        static JsonObject Own(string request, string limit, string memory) =>
            new() { ["requests"] = new JsonObject { ["cpu"] = request, ["memory"] = memory }, ["limits"] = new JsonObject { ["cpu"] = limit, ["memory"] = memory } };

        static void AssertTold(JsonObject pod, string request, string limit, string memory)
        {
            JsonNode status = pod["status"]!;
            Assert.Equal((request, memory), (Text(status["allocatedResources"]!["cpu"]), Text(status["allocatedResources"]!["memory"])));
            Assert.Equal((request, limit, memory, memory), (Text(status["resources"]!["requests"]!["cpu"]), Text(status["resources"]!["limits"]!["cpu"]), Text(status["resources"]!["requests"]!["memory"]), Text(status["resources"]!["limits"]!["memory"])));
        }
    }

    [Fact]
    public async Task A_resize_that_does_not_fit_waits_over_a_restart_of_the_agent_until_another_pod_has_gone()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        long cpu = Quantity.Parse(Text((await host.ReadyAsync())["status"]!["allocatable"]!["cpu"])).Milli;
        host.Run("large", Server, spec: s => Resources(s, cpu: ($"{cpu - 200}m", null)));
        host.Run("small", Server, spec: s => Resources(s, cpu: ("100m", null)));
        await host.RunningAsync("large");
        JsonObject before = await host.RunningAsync("small");

        Resize(host, "small", """{"requests":{"cpu":"300m"}}""");
        JsonObject waits = await host.PodAsync("small", p => Condition(p, "PodResizePending") is not null);
        string words = $"Node didn't have enough resource: cpu, requested: 300, used: {cpu - 200}, capacity: {cpu}";
        AssertWaits(waits);
        await host.EventAsync("ResizeDeferred", $"\"generation\":2,\"error\":\"{words}\"}}");

        Assert.Contains("kubelet_pod_pending_resizes{reason=\"deferred\"} 1", host.Kubectl("get", "--raw", $"/api/v1/nodes/{host.Node}/proxy/metrics").Out, StringComparison.Ordinal);

        await host.Agent.KillAsync();
        await host.StartAgentAsync();
        host.Run("marker", Server);
        await host.RunningAsync("marker");
        AssertWaits(host.Api.Find("pods", "small")!);

        host.Api.Delete("pods", "large");
        JsonObject done = await ResizedAsync(host, "small", "requests", "cpu", "300m");
        Assert.Equal("300m", Text(StatusOf(done)["allocatedResources"]!["cpu"]));
        AssertNotRestarted(before, done);

        void AssertWaits(JsonObject pod)
        {
            Assert.Equal(("Deferred", words, "2"), (Text(Condition(pod, "PodResizePending")!["reason"]), Text(Condition(pod, "PodResizePending")!["message"]), Text(Condition(pod, "PodResizePending")!["observedGeneration"])));
            Assert.Equal(("100m", "100m"), (Text(StatusOf(pod)["allocatedResources"]!["cpu"]), Text(StatusOf(pod)["resources"]!["requests"]!["cpu"])));
        }
    }

    [Fact]
    public async Task A_resize_that_was_asked_for_while_no_agent_ran_is_done_by_the_next_one_without_a_restart()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", Server, spec: s => Resources(s, cpu: ("100m", "200m"), memory: ("32Mi", "64Mi")));
        JsonObject before = await host.RunningAsync("web");

        await host.Agent.KillAsync();
        Resize(host, "web", """{"limits":{"cpu":"300m","memory":"96Mi"}}""");
        await host.StartAgentAsync();

        JsonObject after = await ResizedAsync(host, "web", "limits", "memory", "96Mi");
        Assert.Equal((30_000, 30_000, 96L << 20, 96L << 20), (Quota(host, after), PodQuota(host, after), Memory(host, after), PodMemory(host, after)));
        AssertNotRestarted(before, after);
    }

    [Fact]
    public async Task The_server_refuses_what_is_no_resize()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", Server, spec: s => Resources(s, cpu: ("100m", "200m")));
        await host.RunningAsync("web");

        Assert.Contains("Pod QOS Class may not change as a result of resizing", Refused("""{"requests":{"cpu":"200m","memory":"32Mi"},"limits":{"memory":"32Mi"}}"""), StringComparison.Ordinal);
        Assert.Contains("spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed", Refused("""{"limits":{"cpu":null}}"""), StringComparison.Ordinal);
        Assert.Contains("spec.containers[0].resources.requests: Invalid value: \"300m\": must be less than or equal to cpu limit of 200m", Refused("""{"requests":{"cpu":"300m"}}"""), StringComparison.Ordinal);
        Assert.Contains("spec: Forbidden: only cpu and memory resources are mutable", Refused("""{"requests":{"ephemeral-storage":"1Gi"}}"""), StringComparison.Ordinal);

        string Refused(string resources)
        {
            (int code, _, string error) = Patch(host, "web", resources);
            Assert.Equal(1, code);
            return error;
        }
    }

    private static void Resources(JsonObject spec, (string Request, string? Limit)? cpu = null, (string Request, string? Limit)? memory = null)
    {
        JsonObject requests = [], limits = [];
        foreach ((string name, (string Request, string? Limit)? wanted) in (ReadOnlySpan<(string, (string, string?)?)>)[("cpu", cpu), ("memory", memory)])
        {
            if (wanted is not var (request, limit)) continue;
            requests[name] = request;
            if (limit is not null) limits[name] = limit;
        }
        spec["containers"]![0]!["resources"] = limits.Count == 0 ? new JsonObject { ["requests"] = requests } : new JsonObject { ["requests"] = requests, ["limits"] = limits };
    }

    private static void Resize(ClusterHost host, string pod, string resources)
    {
        (int code, _, string error) = Patch(host, pod, resources);
        Assert.True(code == 0, error);
    }

    private static (int Code, string Out, string Error) Patch(ClusterHost host, string pod, string resources) =>
        host.Kubectl("patch", "pod", pod, "--subresource", "resize", "-p", "{\"spec\":{\"containers\":[{\"name\":\"main\",\"resources\":" + resources + "}]}}");

    /// <summary>What was asked for is in force, and nothing says that it is not.</summary>
    private static Task<JsonObject> ResizedAsync(ClusterHost host, string pod, string list, string resource, string amount) => host.PodAsync(pod, p =>
        Text(StatusOf(p)["resources"]?[list]?[resource]) == amount && Text(p["status"]!["observedGeneration"]) == Text(Meta(p)["generation"])
        && Condition(p, "PodResizePending") is null && Condition(p, "PodResizeInProgress") is null);

    private static void AssertNotRestarted(JsonObject before, JsonObject after) =>
        Assert.Equal((Text(StatusOf(before)["containerID"]), "0"), (Text(StatusOf(after)["containerID"]), Text(StatusOf(after)["restartCount"])));

    private static JsonNode? Condition(JsonObject pod, string type) => (pod["status"]?["conditions"] as JsonArray ?? []).FirstOrDefault(c => Text(c!["type"]) == type);
}
