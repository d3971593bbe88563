using System.Text.Json.Nodes;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>Agents that are killed while their cluster is busy.</summary>
public sealed class KillTests
{
    private const string Server = "trap exit TERM; sleep 1000 & wait";

    [Fact]
    public async Task An_agent_that_is_killed_again_and_again_while_pods_come_and_go_restarts_no_container()
    {
        const int steady = 4;
        int kills = int.TryParse(Environment.GetEnvironmentVariable("NK_KILLS"), out int given) ? given : 20;
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        Dictionary<string, string> before = [];
        foreach (int i in Enumerable.Range(0, steady)) host.Run($"web-{i}", Server);
        foreach (int i in Enumerable.Range(0, steady)) before[$"web-{i}"] = Container(await host.RunningAsync($"web-{i}"));

        foreach (int i in Enumerable.Range(0, kills))
        {
            host.Run($"job-{i}", "exit 0", "Never");
            await host.Agent.KillAsync();
            await host.StartAgentAsync();
        }

        foreach (int i in Enumerable.Range(0, kills)) await host.PodAsync($"job-{i}", p => Text(p["status"]?["phase"]) == "Succeeded");
        foreach ((string name, string container) in before)
        {
            JsonObject now = await host.RunningAsync(name);
            Assert.Equal(container, Container(now));
            Assert.Equal("0", Text(now["status"]!["containerStatuses"]![0]!["restartCount"]));
        }
    }

    private static string Container(JsonObject pod) => Text(pod["status"]!["containerStatuses"]![0]!["containerID"]);
}
