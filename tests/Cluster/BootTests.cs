using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Cluster;
using NativeKubelet.Tests.Node;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>A node that boots while its API server is away.</summary>
public sealed class BootTests
{
    /// <summary>Ends at once where a secret or the file of the token is missing.</summary>
    private const string Script = "test \"$(cat /secret/word)$WORD\" = hushhush && test -f /var/run/secrets/kubernetes.io/serviceaccount/token || exit 1; trap exit TERM; sleep 1000 & wait";

    /// <param name="key">What is kept for it is kept under a key.</param>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_a_reboot_without_the_server_pods_of_the_cluster_run_and_go_on_when_it_is_back(bool key)
    {
        using TemporaryKey file = new();
        await using ClusterHost host = await ClusterHost.StartAsync(null, key ? ["--boot-cache-key", file.Path] : []);
        await host.ReadyAsync();
        host.Api.Create("secrets", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "word" }, ["data"] = new JsonObject { ["word"] = Convert.ToBase64String("hush"u8) } });
        host.Run("web", Script, spec: UseSecret);
        JsonObject before = await host.RunningAsync("web");
        host.Run("gone", "exit 0", "Never");
        await host.PodAsync("gone", p => Text(p["status"]?["phase"]) == "Succeeded");
        string kept = host.Agent[$"data/cluster/pods/{Text(Meta(before)["uid"])}.json"];
        Assert.True(await TimeLimit.AgainAsync(async () =>
        {
            await Task.Delay(20);      // files tell nobody that they are there
            return File.Exists(kept) && file.TextOf(kept, key).Contains("\"kind\":\"Secret\"", StringComparison.Ordinal) && Directory.GetFiles(Path.GetDirectoryName(kept)!).Length == 1;
        }));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(kept));

        await host.Api.StopAsync();
        await host.Agent.RebootAsync();
        await host.StartAgentAsync();
        await host.Agent.PodsAsync(pods => pods.Any(p => p.Name == "web" && p.Status == "Running" && p.Ready == 1));
        Assert.Contains("BootedFromCache", host.Agent.Said, StringComparison.Ordinal);
        Assert.DoesNotContain(await host.Agent.PodsAsync(static _ => true), p => p.Name == "gone");

        await host.Api.StartAsync();
        JsonObject after = await host.PodAsync("web", p => Container(p) != Container(before) && ClusterHost.Condition(p, "Ready") == "True");
        // The marker shows that the server's own list was worked on.
        host.Run("marker", "exit 0", "Never");
        await host.PodAsync("marker", p => Text(p["status"]?["phase"]) == "Succeeded");
        JsonObject last = host.Api.Find("pods", "web")!;
        Assert.Equal(Container(after), Container(last));
    }

    [Fact]
    public async Task What_is_kept_of_the_cluster_goes_where_that_is_not_wanted_any_more()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        Assert.True(await TimeLimit.AgainAsync(async () =>
        {
            await Task.Delay(20);      // files tell nobody that they are there
            return File.Exists(host.Agent["data/cluster/cluster.json"]);
        }));

        await host.Agent.TerminateAsync();
        await host.StartAgentAsync("--boot-from-cache=false", "--boot-cache-key=/no/such/key");

        Assert.True(await TimeLimit.AgainAsync(async () =>
        {
            await Task.Delay(20);
            return Directory.GetFileSystemEntries(host.Agent["data/cluster"]).Length == 0;
        }));
    }

    private sealed class TemporaryKey : IDisposable
    {
        public TemporaryKey() => File.WriteAllBytes(Path, RandomNumberGenerator.GetBytes(32));

        /// <summary>Made readable to its owner alone.</summary>
        public string Path { get; } = System.IO.Path.GetTempFileName();

        public string TextOf(string kept, bool closed) =>
            closed ? Encoding.UTF8.GetString(CacheSeal.Read(Path).Open(System.IO.Path.GetFileName(kept), File.ReadAllBytes(kept))) : File.ReadAllText(kept);

        public void Dispose() => File.Delete(Path);
    }

    private static void UseSecret(JsonObject spec)
    {
        spec["volumes"] = new JsonArray(new JsonObject { ["name"] = "secret", ["secret"] = new JsonObject { ["secretName"] = "word" } });
        spec["containers"]![0]!["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "secret", ["mountPath"] = "/secret" });
        spec["containers"]![0]!["env"] = new JsonArray(new JsonObject { ["name"] = "WORD", ["valueFrom"] = new JsonObject { ["secretKeyRef"] = new JsonObject { ["name"] = "word", ["key"] = "word" } } });
    }

    private static string Container(JsonObject pod) => Text(pod["status"]?["containerStatuses"]?[0]?["containerID"]);
}
