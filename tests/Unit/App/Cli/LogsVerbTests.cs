using NativeKubelet.Core.Pods;
using NativeKubelet.Runtime;
using NativeKubelet.Status;
using NativeKubelet.Tests.Unit.App.Server.Local;

namespace NativeKubelet.Tests.Unit.App.Cli;

public sealed class LogsVerbTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task The_newest_instance_speaks_and_previous_is_the_one_before()
    {
        await using FakeNode node = new FakeNode().Start();
        PodView pod = node.Publish("web-node1");
        node.Instance(pod, 0, ContainerPhase.Exited, "oldest");
        node.Instance(pod, 1, ContainerPhase.Exited, "old");
        node.Instance(pod, 2, ContainerPhase.Running, "a", "b", "c");

        Assert.Equal("a\nb\nc\n", (await VerbRun.Of(node, "logs", "web")).Out);
        Assert.Equal("c\n", (await VerbRun.Of(node, "logs", "default/web-node1", "--tail=1")).Out);
        Assert.Equal("old\n", (await VerbRun.Of(node, "logs", "web", "-p")).Out);
        Assert.Equal("2026-01-01T00:00:00.000000000Z c\n", (await VerbRun.Of(node, "logs", "-t", "--tail", "1", "web", "web")).Out);
    }

    [Fact]
    public async Task Without_a_log_the_reason_is_told_as_kubectl_tells_it()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("web", "default", new Waiting("ImagePullBackOff", ""), "web", "side");

        VerbRun waiting = await VerbRun.Of(node, "logs", "web");

        Assert.Equal("Defaulted container \"web\" out of: web, side\n"
            + "nativekubelet logs: container \"web\" in pod \"web\" is waiting to start: ImagePullBackOff\n", waiting.Error);
        Assert.Equal("nativekubelet logs: previous terminated container \"side\" in pod \"web\" not found\n", (await VerbRun.Of(node, "logs", "web", "-p", "-c", "side")).Error);
        Assert.Equal("nativekubelet logs: container x is not valid for pod web; it has: web, side\n", (await VerbRun.Of(node, "logs", "web", "x")).Error);
    }

    [Fact]
    public async Task A_follower_waits_for_the_start_and_leaves_at_the_end()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Publish("web", "default", new Waiting("ContainerCreating", ""));
        Task<VerbRun> run = VerbRun.Of(node, "logs", "-f", "web");

        node.Instance(node.Board.Now.Pods.Values.Single(), 2, ContainerPhase.Running, "hello");
        node.Publish("web");
        node.Publish("web", "default", new Terminated(0, "Completed", "", FakeNode.T0, FakeNode.T0, "id"));

        VerbRun done = await run.WaitAsync(Deadline);
        Assert.Equal((0, "hello\n"), (done.Code, done.Out));
    }

    [Fact]
    public async Task Without_an_agent_the_files_are_found_by_their_names()
    {
        await using FakeNode node = new();
        PodView pod = node.Publish("web-node1");
        node.Instance(pod, 9, ContainerPhase.Exited, "old");
        node.Instance(pod, 10, ContainerPhase.Running, "new");

        Assert.Equal("new\n", (await VerbRun.Of(node, "logs", "web", "--log-dir", node.Logs)).Out);
        Assert.Equal("old\n", (await VerbRun.Of(node, "logs", "default/web-node1", "-p", "-c", "web", "--log-dir", node.Logs)).Out);
        VerbRun none = await VerbRun.Of(node, "logs", "other", "--log-dir", node.Logs);
        Assert.Equal(1, none.Code);
        Assert.Contains("holds no log of \"other\" either", none.Error, StringComparison.Ordinal);
    }
}
