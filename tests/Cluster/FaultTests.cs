using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using NativeKubelet.Tests.ApiDouble;
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

    private static string Container(JsonObject pod) => Text(pod["status"]!["containerStatuses"]![0]!["containerID"]);
}
