using System.Text.Json.Nodes;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>CPU and memory of running pods are changed by kubectl through the sub-resource resize.</summary>
public sealed class ResizeTests
{
    private const string Server = "trap exit TERM; sleep 1000 & wait";
    private static readonly CgroupLayout Layout = CgroupLayout.Detect();

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
        Assert.Equal(("300m", "300m"), (Text(Status(grown)["allocatedResources"]!["cpu"]), Text(Status(grown)["resources"]!["requests"]!["cpu"])));

        Resize(host, "web", """{"requests":{"cpu":"50m"},"limits":{"cpu":"100m"}}""");
        JsonObject shrunk = await ResizedAsync(host, "web", "limits", "cpu", "100m");
        Assert.Equal((10_000, 10_000), (Quota(host, shrunk), PodQuota(host, shrunk)));

        AssertNotRestarted(before, shrunk);
        await EventAsync(host, "ResizeStarted", "Pod resize started: {\"containers\":[{\"name\":\"main\",\"resources\":{\"limits\":{\"cpu\":\"400m\"},\"requests\":{\"cpu\":\"300m\"}}}],\"generation\":2}");
        await EventAsync(host, "ResizeCompleted", "Pod resize completed: {\"containers\":[{\"name\":\"main\",\"resources\":{\"limits\":{\"cpu\":\"100m\"},\"requests\":{\"cpu\":\"50m\"}}}],\"generation\":3}");
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
        Assert.Equal(("16Mi", "96Mi"), (Text(Status(refused)["allocatedResources"]!["memory"]), Text(Status(refused)["resources"]!["limits"]!["memory"])));
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
        JsonObject after = await host.PodAsync("pair", p => Text(Status(p)["restartCount"]) == "1" && ClusterHost.Condition(p, "Ready") == "True" && Condition(p, "PodResizeInProgress") is null);

        Assert.Equal((48L << 20, 80L << 20), (Memory(host, after), PodMemory(host, after)));
        Assert.Equal((Text(Status(before, "other")["containerID"]), "0"), (Text(Status(after, "other")["containerID"]), Text(Status(after, "other")["restartCount"])));
        await EventAsync(host, "Killing", "Container main resize requires restart");
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
        await EventAsync(host, "ResizeDeferred", $"\"generation\":2,\"error\":\"{words}\"}}");

        Assert.Contains("kubelet_pod_pending_resizes{reason=\"deferred\"} 1", host.Kubectl("get", "--raw", $"/api/v1/nodes/{host.Node}/proxy/metrics").Out, StringComparison.Ordinal);

        await host.Agent.KillAsync();
        await host.StartAgentAsync();
        host.Run("marker", Server);
        await host.RunningAsync("marker");
        AssertWaits(host.Api.Find("pods", "small")!);

        host.Api.Delete("pods", "large");
        JsonObject done = await ResizedAsync(host, "small", "requests", "cpu", "300m");
        Assert.Equal("300m", Text(Status(done)["allocatedResources"]!["cpu"]));
        AssertNotRestarted(before, done);

        void AssertWaits(JsonObject pod)
        {
            Assert.Equal(("Deferred", words, "2"), (Text(Condition(pod, "PodResizePending")!["reason"]), Text(Condition(pod, "PodResizePending")!["message"]), Text(Condition(pod, "PodResizePending")!["observedGeneration"])));
            Assert.Equal(("100m", "100m"), (Text(Status(pod)["allocatedResources"]!["cpu"]), Text(Status(pod)["resources"]!["requests"]!["cpu"])));
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
        Text(Status(p)["resources"]?[list]?[resource]) == amount && Text(p["status"]!["observedGeneration"]) == Text(Meta(p)["generation"])
        && Condition(p, "PodResizePending") is null && Condition(p, "PodResizeInProgress") is null);

    private static void AssertNotRestarted(JsonObject before, JsonObject after) =>
        Assert.Equal((Text(Status(before)["containerID"]), "0"), (Text(Status(after)["containerID"]), Text(Status(after)["restartCount"])));

    private static Task<string> EventAsync(ClusterHost host, string reason, string words) => host.Api.WaitAsync(
        s => s.List(ResourceKind.Find("", "v1", "events")!, "default").Items.Where(e => Text(e["reason"]) == reason).Select(e => Text(e["message"])).FirstOrDefault(m => m.Contains(words, StringComparison.Ordinal)),
        AgentHost.Deadline());

    private static JsonNode Status(JsonObject pod, string container = "main") => ((JsonArray)pod["status"]!["containerStatuses"]!).First(c => Text(c!["name"]) == container)!;

    private static JsonNode? Condition(JsonObject pod, string type) => (pod["status"]?["conditions"] as JsonArray ?? []).FirstOrDefault(c => Text(c!["type"]) == type);

    private static long Quota(ClusterHost host, JsonObject pod) => Read(GroupOf(host, pod, "cpu"), "cpu.cfs_quota_us", "cpu.max");

    private static long PodQuota(ClusterHost host, JsonObject pod) => Read(Path.GetDirectoryName(GroupOf(host, pod, "cpu"))!, "cpu.cfs_quota_us", "cpu.max");

    private static long Memory(ClusterHost host, JsonObject pod) => Read(GroupOf(host, pod, "memory"), "memory.limit_in_bytes", "memory.max");

    private static long PodMemory(ClusterHost host, JsonObject pod) => Read(Path.GetDirectoryName(GroupOf(host, pod, "memory"))!, "memory.limit_in_bytes", "memory.max");

    private static long Read(string group, string legacy, string unified) => long.Parse(File.ReadAllText(Path.Combine(group, Layout.Unified ? unified : legacy)).Split(' ')[0]);

    /// <summary>The directory of the container main.</summary>
    private static string GroupOf(ClusterHost host, JsonObject pod, string controller)
    {
        string id = Text(Status(pod)["containerID"])["nativekubelet://".Length..];
        return Directory.EnumerateDirectories(Layout.For(controller)!.Directory(host.Agent.Tree), $"*{id}*", SearchOption.AllDirectories).First();
    }
}
