using System.Net.Sockets;
using System.Text;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Api.Local;
using NativeKubelet.Cli;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Events;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Unit.App.Server.Local;

public sealed class LocalApiTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pods_are_listed_with_the_word_that_explains_their_state_best()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("good");
        node.Publish("bad", "kube-system", new Waiting("CrashLoopBackOff", "back-off 10s"));

        PodListDocument list = await new AgentClient(node.Run).GetAsync("/v1/pods", LocalJson.Default.PodListDocument, Cancel);

        Assert.Equal([("default", "good", "Running", 1), ("kube-system", "bad", "CrashLoopBackOff", 0)], list.Pods.Select(p => (p.Namespace, p.Name, p.Status, p.Ready)));
    }

    [Fact]
    public async Task A_watch_tells_the_present_first_and_then_every_change()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("one");
        await using IAsyncEnumerator<PodListDocument> watch =
            new AgentClient(node.Run).LinesAsync("GET", "/v1/pods?watch", LocalJson.Default.PodListDocument, Cancel).GetAsyncEnumerator(Cancel);

        Assert.True(await watch.MoveNextAsync().AsTask().WaitAsync(Deadline));
        Assert.Equal(["one"], watch.Current.Pods.Select(p => p.Name));
        node.Publish("two");
        Assert.True(await watch.MoveNextAsync().AsTask().WaitAsync(Deadline));
        Assert.Equal(["one", "two"], watch.Current.Pods.Select(p => p.Name));
    }

    [Fact]
    public async Task Watchers_that_left_do_not_use_the_server_up()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("one");
        AgentClient agent = new(node.Run);
        // More than the server serves at a time: it must see each of them go, although nothing is ever sent to them again.
        for (int i = 0; i < 100; i++)
            await foreach (PodListDocument _ in agent.LinesAsync("GET", "/v1/pods?watch", LocalJson.Default.PodListDocument, Cancel)) break;

        Assert.Single((await agent.GetAsync("/v1/pods", LocalJson.Default.PodListDocument, Cancel).WaitAsync(Deadline)).Pods);
    }

    [Fact]
    public async Task A_pod_is_given_whole_as_the_Kubernetes_API_shapes_it()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("web", "shop");

        byte[] json = await new AgentClient(node.Run).SendAsync("GET", "/v1/pod?namespace=shop&name=web", Cancel);

        Assert.Equal("busybox:1", KubernetesJson.Read<V1Pod>(json)!.Spec.Containers[0].Image);
        VerbException refused = await Assert.ThrowsAsync<VerbException>(() => new AgentClient(node.Run).SendAsync("GET", "/v1/pod?name=nope", Cancel));
        Assert.Equal("no pod default/nope on this node", refused.Message);
    }

    [Fact]
    public async Task Events_problems_node_and_configuration_are_told()
    {
        await using FakeNode node = new FakeNode().Start();
        node.EventLog.Record(EventType.Warning, "BackOff", "pod/default/web", "u", "web", "restarting");
        node.Problems = [new("a.yaml", 1, 3, "spec", "wrong", ProblemSeverity.Error, FakeNode.T0, true)];
        AgentClient agent = new(node.Run);

        Assert.Equal("restarting", Assert.Single((await agent.GetAsync("/v1/events", LocalJson.Default.EventListDocument, Cancel)).Events).Message);
        Assert.Equal(("error", true), (await agent.GetAsync("/v1/problems", LocalJson.Default.ProblemListDocument, Cancel)).Problems.Select(p => (p.Severity, p.StandIn)).Single());
        Assert.Equal("v2", (await agent.GetAsync("/v1/node", LocalJson.Default.NodeDocument, Cancel)).CgroupMode);
        Assert.Contains("KubeletConfiguration", Encoding.UTF8.GetString(await agent.SendAsync("GET", "/v1/config", Cancel)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pull_tells_its_progress_and_ends_in_the_image_or_the_error()
    {
        await using FakeNode node = new FakeNode().Start();
        AgentClient agent = new(node.Run);
        node.OnPull = (name, progress) =>
        {
            progress!.Report(new("sha256:1", 5, 10, "downloading"));
            return Task.FromResult(FakeNode.Image(name));
        };
        List<PullLine> good = await LinesAsync();
        node.OnPull = (_, _) => Task.FromException<ImageRecord>(new ImageException("ErrImagePull", "not found"));
        List<PullLine> bad = await LinesAsync();

        Assert.Equal((5, 10), good.Where(l => l.Layer is not null).Select(l => (l.Done, l.Total)).Single());
        Assert.Equal("busybox:1", good[^1].Image!.Tags[0]);
        Assert.Equal("ErrImagePull: not found", Assert.Single(bad).Error);

        async Task<List<PullLine>> LinesAsync()
        {
            List<PullLine> lines = [];
            await foreach (PullLine line in agent.LinesAsync("POST", "/v1/images/pull?name=busybox%3A1", LocalJson.Default.PullLine, Cancel)) lines.Add(line);
            return lines;
        }
    }

    [Fact]
    public async Task Images_are_removed_and_imports_need_an_absolute_path()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Images = [FakeNode.Image("busybox:1")];
        AgentClient agent = new(node.Run);

        Assert.Equal($"deleted {FakeNode.Image("").Id}", Encoding.UTF8.GetString(await agent.SendAsync("DELETE", "/v1/images?name=busybox%3A1", Cancel)));
        Assert.Empty(node.Images);
        await Assert.ThrowsAsync<VerbException>(() => agent.SendAsync("DELETE", "/v1/images?name=busybox%3A1", Cancel));
        await Assert.ThrowsAsync<VerbException>(() => agent.SendAsync("POST", "/v1/images/import?path=relative.tar", Cancel));
    }

    [Fact]
    public async Task Sockets_are_for_their_owner_alone()
    {
        await using FakeNode node = new FakeNode().Start();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, new DirectoryInfo(node.Run).UnixFileMode);
        foreach (string socket in new[] { "agent.sock", "stream.sock" })
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(Path.Combine(node.Run, socket)).UnixFileMode);
    }

    [Theory]
    [InlineData("nonsense\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("GET /v1/nothing HTTP/1.1\r\n\r\n", "HTTP/1.1 404")]
    [InlineData("PUT /v1/pods HTTP/1.1\r\n\r\n", "HTTP/1.1 405")]
    [InlineData("POST /v1/images/pull HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "HTTP/1.1 413")]
    [InlineData("POST /v1/images/pull HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 501")]
    public async Task Wrong_requests_get_their_status_and_disturb_nobody(string request, string expected)
    {
        await using FakeNode node = new FakeNode().Start();
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(node.Run, "agent.sock")), Cancel);
        await socket.SendAsync(Encoding.ASCII.GetBytes(request), Cancel);
        byte[] answer = new byte[1024];

        int count = await socket.ReceiveAsync(answer, Cancel).AsTask().WaitAsync(Deadline);

        Assert.StartsWith(expected, Encoding.ASCII.GetString(answer, 0, count), StringComparison.Ordinal);
        Assert.NotNull(await new AgentClient(node.Run).GetAsync("/v1/pods", LocalJson.Default.PodListDocument, Cancel));
    }

    [Fact]
    public async Task An_agent_that_is_not_there_is_said_with_the_way_out()
    {
        await using FakeNode node = new();

        AgentAbsentException e = await Assert.ThrowsAsync<AgentAbsentException>(() =>
            new AgentClient(node.Run).GetAsync("/v1/pods", LocalJson.Default.PodListDocument, Cancel));

        Assert.Contains("--run-dir", e.Message, StringComparison.Ordinal);
        Assert.StartsWith($"no agent answers at {node.Run}/agent.sock", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_file_of_an_agent_that_died_is_replaced_and_deep_directories_work()
    {
        await using FakeNode node = new();
        string deep = Path.Combine(node.Run, new string('d', 120));
        Directory.CreateDirectory(deep);
        File.WriteAllText(Path.Combine(deep, "agent.sock"), "");
        await using NativeKubelet.Server.Local.LocalApi api = new(
            node.Sources, deep, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, FakeNode.OwnUid());

        Assert.NotNull(await new AgentClient(deep).GetAsync("/v1/pods", LocalJson.Default.PodListDocument, Cancel));
    }
}
