using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Api.Local;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Events;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Local;

/// <summary>
/// What agent.sock answers. JSON documents of <see cref="LocalJson"/>; a query of <c>watch</c> makes the answer a stream of
/// lines, the present first and then one line per change, until the client leaves.
/// </summary>
public sealed class LocalRoutes(LocalSources node)
{
    private const string Json = "application/json", Lines = "application/x-ndjson";

    public Routes Build()
    {
        Routes routes = new Routes()
            .Add("GET", "/v1/pods", PodsAsync)
            .Add("GET", "/v1/pod", PodAsync)
            .Add("GET", "/v1/events", EventsAsync)
            .Add("GET", "/v1/usage", (_, _, to, cancel) => SendAsync(to, UsageNow(), LocalJson.Default.UsageDocument, cancel))
            .Add("GET", "/v1/problems", (_, _, to, cancel) =>
                SendAsync(to, new([.. node.Problems().Select(Problem)]), LocalJson.Default.ProblemListDocument, cancel))
            .Add("GET", "/v1/node", (_, _, to, cancel) => SendAsync(to, node.Node(), LocalJson.Default.NodeDocument, cancel))
            .Add("GET", "/v1/config", (_, _, to, cancel) => to.BytesAsync(200, Encoding.UTF8.GetBytes(node.Config()), Json, cancel));
        return new ImageRoutes(node.Images, node.Runtime).AddTo(routes);
    }

    internal static Task SendAsync<T>(HttpResponse to, T document, JsonTypeInfo<T> type, CancellationToken cancel) =>
        to.BytesAsync(200, JsonSerializer.SerializeToUtf8Bytes(document, type), Json, cancel);

    internal static Task LineAsync<T>(HttpResponse to, T document, JsonTypeInfo<T> type, CancellationToken cancel) =>
        to.ChunkAsync((byte[])[.. JsonSerializer.SerializeToUtf8Bytes(document, type), (byte)'\n'], Lines, cancel);

    private async Task PodsAsync(HttpRequest request, byte[] body, HttpResponse to, CancellationToken cancel)
    {
        BoardSnapshot board = node.Board.Now;
        if (request.Query.ContainsKey("whole"))
        {
            await to.BytesAsync(200, KubernetesJson.Write(Whole(board)), Json, cancel);
            return;
        }
        if (!request.Query.ContainsKey("watch"))
        {
            await SendAsync(to, Pods(board), LocalJson.Default.PodListDocument, cancel);
            return;
        }
        await using PeerWatch left = to.WatchPeer(cancel);
        while (true)
        {
            await LineAsync(to, Pods(board), LocalJson.Default.PodListDocument, left.Token);
            board = await node.Board.NextAsync(board.Version, left.Token);
        }
    }

    /// <summary>The whole Kubernetes object, as <c>kubectl get pod -o json</c> would print it.</summary>
    private Task PodAsync(HttpRequest request, byte[] body, HttpResponse to, CancellationToken cancel)
    {
        string space = request.Query.GetValueOrDefault("namespace", "default"), name = request.Query.GetValueOrDefault("name", "");
        PodView? view = node.Board.Now.Pods.Values.FirstOrDefault(v => v.Namespace == space && v.Name == name);
        return view is null
            ? to.TextAsync(404, $"no pod {space}/{name} on this node", cancel)
            : to.BytesAsync(200, KubernetesJson.Write(node.ToWire(view)), Json, cancel);
    }

    private async Task EventsAsync(HttpRequest request, byte[] body, HttpResponse to, CancellationToken cancel)
    {
        if (!request.Query.ContainsKey("watch"))
        {
            await SendAsync(to, new([.. node.Events.Events.Select(Event)]), LocalJson.Default.EventListDocument, cancel);
            return;
        }
        await using PeerWatch left = to.WatchPeer(cancel);
        for (long last = 0; ;)
        {
            IReadOnlyList<NodeEvent> news = await node.Events.NextAsync(last, left.Token);
            await LineAsync(to, new([.. news.Select(Event)]), LocalJson.Default.EventListDocument, left.Token);
            last = news[^1].Number;
        }
    }

    /// <summary>As <c>kubectl get pods -o json</c> prints them.</summary>
    private V1PodList Whole(BoardSnapshot board) => new()
    {
        ApiVersion = "v1",
        Kind = "List",
        Metadata = new V1ListMeta { ResourceVersion = "" },
        Items = [.. board.Pods.Values.OrderBy(v => v.Namespace, StringComparer.Ordinal).ThenBy(v => v.Name, StringComparer.Ordinal).Select(node.ToWire)],
    };

    private PodListDocument Pods(BoardSnapshot board) => PodDocuments.List(board, node.Runtime.Sandboxes);

    private UsageDocument UsageNow()
    {
        UsageSnapshot now = node.Usage();
        ILookup<string, ContainerState> running = node.Runtime.Sandboxes
            .SelectMany(s => s.Containers.Where(c => c.Phase == ContainerPhase.Running).Select(c => (s.PodUid, c))).ToLookup(p => p.PodUid, p => p.c);
        ImmutableDictionary<string, PodView> pods = node.Board.Now.Pods;
        return new(now.At, Figures(now.Node), [.. now.Pods.Select(p => new PodUsageDocument(
            p.Key, Figures(p.Value),
            [.. running[p.Key].Where(c => now.Containers.ContainsKey(c.Id)).Select(c => new ContainerUsageDocument(c.Name, c.Id, Figures(now.Containers[c.Id])))],
            pods.GetValueOrDefault(p.Key)?.Namespace ?? "", pods.GetValueOrDefault(p.Key)?.Name ?? ""))]);
    }

    private static UsageFigures Figures(UsageSample sample)
    {
        CgroupUsage usage = sample.Usage;
        return new(sample.NanoCores, usage.WorkingSet, usage.Rss, usage.Pids);
    }

    private static EventDocument Event(NodeEvent e) =>
        new(e.Number, e.First, e.At, e.Type.ToString(), e.Reason, e.Object, e.PodUid, e.Container, e.Message, e.Count);

    private static ProblemDocument Problem(ManifestProblem p) =>
        new(p.Origin, p.Document, p.Line, p.Field, p.Message, p.Severity == ProblemSeverity.Error ? "error" : "warning", p.Since, p.StandIn);
}
