using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>Pods under a server that fails in every way that servers do: no container restarts, and in the end all is told.</summary>
public sealed class FaultTests
{
    private const string Server = "trap exit TERM; sleep 1000 & wait";

    [Fact]
    public async Task A_pod_starts_runs_and_ends_while_the_server_is_away_at_each_of_its_phases()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();

        host.Run("web", Server);
        await host.Agent.PodsAsync(pods => pods.Any(p => p.Name == "web"));
        await host.Api.StopAsync();
        await host.Api.StartAsync();
        JsonObject started = await host.RunningAsync("web");

        host.Run("job", "sleep 1; exit 4", "Never");
        await host.RunningAsync("job");
        await host.Api.StopAsync();
        await host.Agent.PodsAsync(pods => pods.Any(p => p.Name == "job" && p.Status is "Error" or "Failed"));
        await host.Api.StartAsync();
        JsonObject ended = await host.PodAsync("job", p => Text(p["status"]?["phase"]) == "Failed");
        Assert.Equal("4", Text(ended["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!["exitCode"]));

        JsonObject still = host.Api.Find("pods", "web")!;
        Assert.Equal(Container(started), Container(still));
        host.Api.Delete("pods", "web");
        await host.Api.StopAsync();
        await host.Api.StartAsync();
        await host.GoneAsync("pods", "web");
        Assert.DoesNotContain(await host.Agent.PodsAsync(pods => pods.All(p => p.Name != "web")), p => p.Name == "web");
    }

    [Fact]
    public Task An_outage_in_all_phases_of_pods_ends_as_if_it_had_not_been() => OutageAsync(TimeSpan.FromSeconds(3));

    [Fact(Explicit = true)]
    public Task So_does_one_of_ten_minutes() => OutageAsync(TimeSpan.FromMinutes(10));

    private static async Task OutageAsync(TimeSpan length)
    {
        await using ClusterHost host = await ClusterHost.StartAsync(null, "--boot-from-cache");
        await host.ReadyAsync();
        host.Run("steady", Server);
        host.Run("crashes", "exit 1");
        host.Run("waits", Server, spec: spec => spec["containers"]![0]!["envFrom"] = new JsonArray(new JsonObject { ["configMapRef"] = new JsonObject { ["name"] = "later" } }));
        host.Run("slow-to-end", "trap 'sleep 2; exit 0' TERM; while :; do sleep 1 & wait $!; done");
        host.Run("ends", "until test -e /node/end; do sleep 0.1; done; exit 4", "Never", spec => Mount(spec, host.Agent.Root));
        JsonObject steady = await host.RunningAsync("steady");
        await host.PodAsync("crashes", p => Text(p["status"]?["containerStatuses"]?[0]?["restartCount"]) is not ("" or "0"));
        await host.PodAsync("waits", p => Text(p["status"]?["containerStatuses"]?[0]?["state"]?["waiting"]?["reason"]) == "CreateContainerConfigError");
        foreach (string pod in (string[])["slow-to-end", "ends"]) await host.RunningAsync(pod);

        host.Api.Delete("pods", "slow-to-end");
        host.Run("comes-late", Server);
        await host.Api.StopAsync();
        File.Create(host.Agent["end"]).Dispose();
        await host.Agent.KillAsync();
        await host.StartAgentAsync();
        await Task.Delay(length);       // the outage is what is tried
        await host.Api.StartAsync();
        host.Api.Create("configmaps", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "later" }, ["data"] = new JsonObject { ["a"] = "b" } });

        await host.GoneAsync("pods", "slow-to-end");
        JsonObject ended = await host.PodAsync("ends", p => Text(p["status"]?["phase"]) == "Failed");
        Assert.Equal("4", Text(ended["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!["exitCode"]));
        await host.RunningAsync("waits");
        await host.RunningAsync("comes-late");
        await host.ReadyAsync();
        JsonObject still = await host.RunningAsync("steady");
        Assert.Equal((Container(steady), "0"), (Container(still), Text(still["status"]!["containerStatuses"]![0]!["restartCount"])));
    }

    [Fact]
    public async Task Ten_thousand_changes_at_once_end_with_the_last_and_restart_nothing()
    {
        const int changes = 10_000;
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", "until grep -q 'n=\"10000\"' /self/labels; do sleep 0.1; done; touch /self-seen; exec sleep 1000", spec: spec =>
        {
            spec["volumes"] = new JsonArray(new JsonObject
            {
                ["name"] = "self",
                ["downwardAPI"] = new JsonObject { ["items"] = new JsonArray(new JsonObject { ["path"] = "labels", ["fieldRef"] = new JsonObject { ["fieldPath"] = "metadata.labels" } }) },
            });
            spec["containers"]![0]!["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "self", ["mountPath"] = "/self" });
            spec["containers"]![0]!["readinessProbe"] = new JsonObject { ["exec"] = new JsonObject { ["command"] = new JsonArray("test", "-e", "/self-seen") }, ["periodSeconds"] = 1L };
        });
        JsonObject started = await host.PodAsync("web", p => Text(p["status"]?["phase"]) == "Running");

        foreach (int n in Enumerable.Range(1, changes))
        {
            host.Api.Store.Update(ResourceKind.Find("", "v1", "pods")!, "default", "web", there =>
            {
                JsonObject changed = (JsonObject)there!.DeepClone();
                changed["metadata"]!["labels"] = new JsonObject { ["n"] = n.ToString(CultureInfo.InvariantCulture) };
                return changed;
            });
        }

        Assert.Equal(Container(started), Container(await host.RunningAsync("web")));
    }

    [Fact]
    public async Task Watches_that_end_every_second_lose_nothing()
    {
        await using ClusterHost host = await ClusterHost.StartAsync(new ApiSettings { LongestWatch = TimeSpan.FromSeconds(1) });
        await host.ReadyAsync();

        foreach (int i in Enumerable.Range(0, 5))
        {
            host.Run($"web-{i}", Server);
            await host.RunningAsync($"web-{i}");
            host.Api.Delete("pods", $"web-{i}", grace: 1);
        }

        foreach (int i in Enumerable.Range(0, 5)) await host.GoneAsync("pods", $"web-{i}");
        Assert.Empty(await host.Agent.PodsAsync(pods => pods.Count == 0));
    }

    [Fact]
    public async Task A_connection_that_goes_silent_is_noticed_within_seconds()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        await using SilentRelay relay = new(host.Api.Url.Port);
        await host.Agent.TerminateAsync();
        string kubeconfig = File.ReadAllText(host.Agent["kubelet.conf"]);
        File.WriteAllText(host.Agent["kubelet.conf"], kubeconfig.Replace($":{host.Api.Url.Port}", $":{relay.Port}", StringComparison.Ordinal));
        await host.StartAgentAsync();
        host.Run("before", Server);
        await host.RunningAsync("before");

        relay.Silence();
        long begun = Stopwatch.GetTimestamp();
        host.Run("after", Server);

        await host.RunningAsync("after");
        Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.Zero, TimeLimit.Of(25));
    }

    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    public async Task A_server_that_asks_for_patience_is_asked_again_no_sooner_and_is_told_all_in_the_end(int code)
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        ConcurrentQueue<long> asked = [];
        host.Api.Asked += (_, request) =>
        {
            if (request.Path.Value == "/api/v1/namespaces/default/pods/web/status") asked.Enqueue(Stopwatch.GetTimestamp());
        };
        IDisposable fault = host.Api.Faults.Answer(code, r => r.Path.Value!.EndsWith("/pods/web/status", StringComparison.Ordinal), retryAfter: 2);
        host.Run("web", Server);

        await host.Api.WaitAsync(_ => asked.Count >= 2 ? asked : null, AgentHost.Deadline());
        fault.Dispose();
        await host.RunningAsync("web");

        long[] times = [.. asked.Take(2)];
        Assert.True(Stopwatch.GetElapsedTime(times[0], times[1]) > TimeSpan.FromSeconds(1.9), $"asked again after {Stopwatch.GetElapsedTime(times[0], times[1])}");
    }

    private static void Mount(JsonObject spec, string directory)
    {
        spec["volumes"] = new JsonArray(new JsonObject { ["name"] = "node", ["hostPath"] = new JsonObject { ["path"] = directory } });
        spec["containers"]![0]!["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "node", ["mountPath"] = "/node" });
    }

    private static string Container(JsonObject pod) => Text(pod["status"]!["containerStatuses"]![0]!["containerID"]);
}
