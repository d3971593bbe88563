using System.Text.Json.Nodes;
using NativeKubelet.Api.Local;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Behaviours;

/// <summary>One agent with all the pods of a topic: they begin together, and each is judged when its row is asked for.</summary>
public sealed class TopicNode : IAsyncDisposable
{
    /// <summary>An image that says all that an image can say: who runs what, where, with which variables.</summary>
    private static readonly Lazy<string> Entry = new(() =>
    {
        string file = Path.Combine(AppContext.BaseDirectory, "entry.tar");
        Tool.Run(
            Path.Combine(StoreHost.Tools, "make-image"), "--output", file, "--name", "localhost/nativekubelet/entry:latest",
            "--entrypoint", "echo", "--entrypoint", "entry", "--cmd", "cmd", "--env", "FROM_IMAGE=yes", "--user", "web", "--workdir", "/www");
        return file;
    });

    private readonly CancellationToken _deadline;

    /// <param name="rows">All begin at once, and each needs its share of the machine.</param>
    private TopicNode(string topic, AgentHost host, int rows) => (Topic, Host, _deadline) = (topic, host, TimeLimit.Token(60 + rows));

    public string Topic { get; }

    public AgentHost Host { get; }

    public static async Task<TopicNode> StartAsync(string topic)
    {
        AgentHost host = new();
        File.Copy(Entry.Value, host["data/preload/entry.tar"]);
        List<Behaviour> rows = [.. Behaviour.All.Where(r => r.Topic == topic)];
        foreach (Behaviour row in rows)
        {
            row.PlaceFiles(host);
            host.Write($"{row.Pod}.yaml", row.Manifest(host));
        }
        await host.StartAsync("--max-pods=1000", "--file-check-frequency=1s");
        return new(topic, host, rows.Count);
    }

    /// <summary>Waits until the row holds, and tells what does not when it never does.</summary>
    public async Task JudgeAsync(Behaviour row)
    {
        await HoldsAsync(row.Expect);
        if (row.Afterwards is not { } then) return;
        Host.Remove($"{row.Pod}.yaml");
        await Host.PodsAsync(pods => !pods.Any(p => AgentHost.Is(p, row.Pod)));
        await HoldsAsync(then);
    }

    public async Task<JsonObject?> FindAsync(Behaviour row)
    {
        IReadOnlyList<PodDocument> pods = (await Host.Client.GetAsync("/v1/pods", LocalJson.Default.PodListDocument, AgentHost.Deadline())).Pods;
        if (pods.FirstOrDefault(p => AgentHost.Is(p, row.Pod)) is not { } pod) return null;
        byte[] whole = await Host.Client.SendAsync("GET", $"/v1/pod?namespace={pod.Namespace}&name={pod.Name}", AgentHost.Deadline());
        return JsonNode.Parse(whole)!.AsObject();
    }

    /// <summary>FIELD: MESSAGE of each, in the file's order.</summary>
    public async Task<string[]> ProblemsAsync(Behaviour row, string severity)
    {
        ProblemListDocument told = await Host.Client.GetAsync("/v1/problems", LocalJson.Default.ProblemListDocument, AgentHost.Deadline());
        return [.. told.Problems.Where(p => p.Severity == severity && p.Origin.EndsWith($"/{row.Pod}.yaml", StringComparison.Ordinal)).Select(p => p.Field.Length == 0 ? p.Message : $"{p.Field}: {p.Message}")];
    }

    /// <summary>REASON: MESSAGE of each.</summary>
    public async Task<string[]> EventsAsync(ShownPod pod)
    {
        EventListDocument events = await Host.Client.GetAsync("/v1/events", LocalJson.Default.EventListDocument, AgentHost.Deadline());
        return [.. events.Events.Where(e => e.PodUid == pod.Uid).Select(e => $"{e.Reason}: {e.Message}")];
    }

    public ValueTask DisposeAsync() => Host.DisposeAsync();

    private async Task HoldsAsync(Expectation expectation)
    {
        CancellationToken least = TimeLimit.Token(3);
        while (true)
        {
            IReadOnlyList<string> unmet = await expectation.UnmetAsync(this);
            if (unmet.Count == 0) return;
            Assert.False(_deadline.IsCancellationRequested && least.IsCancellationRequested, string.Join('\n', unmet));
            // Logs, events and files have no bell that rings for all of them.
            await Task.Delay(50, CancellationToken.None);
        }
    }
}
