using System.Diagnostics;
using NativeKubelet.Api.Local;

namespace NativeKubelet.Tests.Node.Agent;

public sealed class HookTests
{
    [Fact]
    public async Task A_hook_runs_after_the_start_and_before_the_stop()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            containers:
            - {name: a, IMAGE, MOUNT, command: [sh, -c, "trap 'echo term >> /node/trace; exit' TERM; sleep 1000 & wait"], lifecycle: {postStart: {exec: {command: [sh, -c, "usleep 300000; echo post >> /node/trace"]}}, preStop: {exec: {command: [sh, -c, "echo pre >> /node/trace"]}}}}
            - {name: b, IMAGE, MOUNT, command: [sh, -c, "trap exit TERM; echo b >> /node/trace; sleep 1000 & wait"], lifecycle: {preStop: {sleep: {seconds: 0}}}}
            """, grace: 30);
        await node.StartAsync();
        await node.RunningAsync("web");
        node.Remove("web.yaml");
        await node.PodsAsync(pods => pods.Count == 0);

        Assert.Equal(["post", "b", "pre", "term"], node.Trace("trace"));
    }

    [Theory]
    [InlineData("exec: {command: [sleep, '50']}")]
    [InlineData("sleep: {seconds: 3}")]
    public async Task A_hook_counts_into_the_grace_and_its_container_has_two_seconds_left(string hook)
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            containers:
            - {name: main, IMAGE, MOUNT, command: [sh, -c, "trap 'echo term >> /node/trace' TERM; while :; do sleep 1000 & wait $!; done"], lifecycle: {preStop: {HOOK}}}
            """.Replace("HOOK", hook, StringComparison.Ordinal), grace: 3);
        await node.StartAsync();
        await node.RunningAsync("web");

        long begun = Stopwatch.GetTimestamp();
        node.Remove("web.yaml");
        await node.PodsAsync(pods => pods.Count == 0);

        Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.FromSeconds(4.9), TimeSpan.FromSeconds(30));
        Assert.Equal(["term"], node.Trace("trace"));
    }

    [Fact]
    public async Task A_failed_hook_after_the_start_ends_its_container_and_one_before_the_stop_holds_nothing_up()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            restartPolicy: Never
            containers:
            - {name: main, IMAGE, command: [sh, -c, "trap 'exit 9' TERM; >/dev/shm/on; sleep 1000 & wait"], lifecycle: {postStart: {exec: {command: [sh, -c, "until test -e /dev/shm/on; do usleep 20000; done; echo a secret; exit 4"]}}, preStop: {httpGet: {port: 9, path: /bye}}}}
            """);
        await node.StartAsync();

        PodDocument pod = (await node.PodsAsync(pods => pods.Any(p => p.Phase == "Failed"))).Single();
        Assert.Equal(9, pod.Containers[0].ExitCode);
        Assert.Equal("PostStartHook failed", (await node.EventAsync(e => e.Reason == "FailedPostStartHook")).Message);
        await node.EventAsync(e => e is { Reason: "Killing", Message: "FailedPostStartHook" });
        Assert.Equal("PreStopHook failed", (await node.EventAsync(e => e.Reason == "FailedPreStopHook")).Message);
    }

    [Fact]
    public async Task A_pod_fails_at_its_deadline_and_stays_so_over_agents()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            activeDeadlineSeconds: 2
            containers: [{name: main, IMAGE, command: [sh, -c, "trap exit TERM; sleep 1000 & wait"]}]
            """);
        await node.StartAsync();
        PodDocument failed = (await node.PodsAsync(pods => pods.Any(p => p.Phase == "Failed"))).Single();
        Assert.Equal("Pod was active on the node longer than the specified deadline", failed.Message);
        await node.EventAsync(e => e.Reason == "DeadlineExceeded");
        await EmptyAsync(node);

        await node.KillAsync();
        await node.StartAsync();
        PodDocument after = (await node.PodsAsync(pods => pods.Any(p => p.Phase == "Failed"))).Single();
        Assert.Equal((failed.Message, failed.StartTime), (after.Message, after.StartTime));
        await EmptyAsync(node);
    }

    /// <summary>The phase tells of the containers; the holder ends a moment later, and has no event for us.</summary>
    private static async Task EmptyAsync(AgentHost node)
    {
        for (CancellationToken deadline = AgentHost.Deadline(); node.Processes().Length > 0;) await Task.Delay(10, deadline);
    }
}
