using NativeKubelet.Api.Local;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>Pods that follow each other under one name or one UID, while the one before is still ending.</summary>
public sealed class TransitionTests
{
    /// <summary>Says when it begins and ends, and takes half a second to end; two that ran side by side would say so.</summary>
    private const string Slow = "trap 'usleep 500000; echo LIFE ends >>/node/trace; exit' TERM; echo LIFE begins >>/node/trace; sleep 1000 & wait";

    [Fact]
    public async Task A_changed_manifest_begins_when_the_old_pod_has_ended()
    {
        await using AgentHost node = new();
        Write(node, "a");
        await node.StartAsync();
        PodDocument before = await node.RunningAsync("web");
        await BegunAsync(node, "a");

        Write(node, "b");
        await BegunAsync(node, "b");

        Assert.Equal(["a begins", "a ends", "b begins"], node.Trace("trace"));
        PodDocument after = await node.RunningAsync("web");
        Assert.NotEqual(before.Uid, after.Uid);
        Assert.Equal(before.Name, after.Name);
    }

    [Fact]
    public async Task Of_several_changes_while_the_old_pod_ends_the_last_one_runs()
    {
        await using AgentHost node = new();
        Write(node, "a");
        await node.StartAsync();
        await BegunAsync(node, "a");

        string first = (await node.RunningAsync("web")).Uid;
        Write(node, "b");
        await node.PodsAsync(pods => pods.Any(p => p.Uid != first));
        Write(node, "c");
        await BegunAsync(node, "c");

        Assert.Equal(["a begins", "a ends", "c begins"], node.Trace("trace"));
        Assert.Single(await node.PodsAsync(pods => pods.Count == 1));
    }

    [Fact]
    public async Task A_manifest_that_comes_back_as_it_was_while_its_pod_ends_is_begun_anew()
    {
        await using AgentHost node = new();
        Write(node, "a");
        await node.StartAsync();
        await BegunAsync(node, "a");
        PodDocument before = await node.RunningAsync("web");

        node.Remove("web.yaml");
        await node.EventAsync(e => e.Reason == "Killing");
        Write(node, "a");
        await TracedAsync(node, 3);

        Assert.Equal(["a begins", "a ends", "a begins"], node.Trace("trace"));
        PodDocument after = await node.RunningAsync("web");
        Assert.Equal(before.Uid, after.Uid);
        Assert.NotEqual(before.Containers[0].Id, after.Containers[0].Id);
    }

    [Fact]
    public async Task A_pod_that_was_replaced_while_no_agent_ran_ends_before_its_successor_begins()
    {
        await using AgentHost node = new();
        Write(node, "a");
        await node.StartAsync();
        await BegunAsync(node, "a");

        await node.KillAsync();
        Write(node, "b");
        await node.StartAsync();
        await BegunAsync(node, "b");

        Assert.Equal(["a begins", "a ends", "b begins"], node.Trace("trace"));
    }

    [Fact]
    public async Task An_orphan_runs_its_hook_before_the_stop_although_nobody_knows_its_pod()
    {
        Assert.SkipWhen(TimeLimit.Factor > 1, "orphans have one second, as in the original, and on emulated processors a hook needs more to begin");
        await using AgentHost node = new();
        node.WritePod("orphan", """
            containers:
            - {name: main, IMAGE, MOUNT, command: [sh, -c, "trap 'echo term >>/node/trace; exit' TERM; echo up >>/node/trace; sleep 1000 & wait"], lifecycle: {preStop: {exec: {command: [sh, -c, "echo pre >>/node/trace"]}}}}
            """);
        await node.StartAsync();
        await TracedAsync(node, 1);

        await node.KillAsync();
        node.Remove("orphan.yaml");
        await node.StartAsync();
        await TracedAsync(node, 3);

        Assert.Equal(["up", "pre", "term"], node.Trace("trace"));
    }

    private static void Write(AgentHost node, string life) => node.WritePod("web", $$"""
        containers:
        - {name: main, IMAGE, MOUNT, command: [sh, -c, "{{Slow.Replace("LIFE", life, StringComparison.Ordinal)}}"]}
        """, grace: 30);

    private static async Task BegunAsync(AgentHost node, string life)
    {
        for (CancellationToken deadline = AgentHost.Deadline(); !node.Trace("trace").Contains($"{life} begins"); await Task.Delay(20, CancellationToken.None))
            Assert.False(deadline.IsCancellationRequested, $"{life} never began: {string.Join(", ", node.Trace("trace"))}\n{node.Said}");
    }

    private static async Task TracedAsync(AgentHost node, int lines)
    {
        for (CancellationToken deadline = AgentHost.Deadline(); node.Trace("trace").Length < lines; await Task.Delay(20, CancellationToken.None))
            Assert.False(deadline.IsCancellationRequested, $"{string.Join(", ", node.Trace("trace"))}\n{node.Said}");
    }
}
