using NativeKubelet.Api.Local;

namespace NativeKubelet.Tests.Node.Agent;

public sealed class InitContainerTests
{
    [Fact]
    public async Task Init_containers_run_in_their_order_and_sidecars_end_last_in_reverse()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            initContainers:
            - {name: first, IMAGE, MOUNT, command: [sh, -c, "usleep 200000; echo first >> /node/trace"]}
            - {name: side1, IMAGE, MOUNT, restartPolicy: Always, command: [sh, -c, "trap 'echo side1 ends >> /node/trace; exit' TERM; echo side1 >> /node/trace; sleep 1000 & wait"]}
            - {name: side2, IMAGE, MOUNT, restartPolicy: Always, command: [sh, -c, "trap 'usleep 200000; echo side2 ends >> /node/trace; exit' TERM; usleep 100000; echo side2 >> /node/trace; sleep 1000 & wait"]}
            - {name: last, IMAGE, MOUNT, command: [sh, -c, "usleep 400000; echo last >> /node/trace"]}
            containers:
            - {name: web, IMAGE, MOUNT, command: [sh, -c, "trap 'usleep 300000; echo web ends >> /node/trace; exit' TERM; echo web >> /node/trace; sleep 1000 & wait"]}
            """, grace: 30);
        await node.StartAsync();
        PodDocument pod = (await node.PodsAsync(pods => pods.Any(p => p.Status == "Running" && p.Ready == 3))).Single();
        for (CancellationToken deadline = AgentHost.Deadline(); !node.Trace("trace").Contains("web");) await Task.Delay(10, deadline);

        Assert.Equal(3, pod.Total);
        Assert.Equal(["first", "side1", "side2", "last"], pod.InitContainers.Select(c => c.Name));
        Assert.Equal(["Completed", "", "", "Completed"], pod.InitContainers.Select(c => c.Reason));
        string[] begun = node.Trace("trace");
        Assert.Equal("first", begun[0]);
        Assert.InRange(Array.IndexOf(begun, "last"), 0, Array.IndexOf(begun, "web"));

        node.Remove("web.yaml");
        await node.PodsAsync(pods => pods.Count == 0);
        Assert.Equal(["web ends", "side2 ends", "side1 ends"], node.Trace("trace").Skip(begun.Length));
        Assert.Empty(node.Processes());
    }

    [Fact]
    public async Task A_failed_init_container_is_told_and_tried_again_and_a_Never_pod_fails_with_it()
    {
        await using AgentHost node = new();
        node.WritePod("again", """
            initContainers: [{name: fickle, IMAGE, MOUNT, command: [sh, -c, "test -f /node/once && exit 0; touch /node/once; exit 3"]}]
            containers: [{name: web, IMAGE, command: [sh, -c, "trap exit TERM; sleep 1000 & wait"]}]
            """);
        node.WritePod("never", """
            restartPolicy: Never
            initContainers: [{name: bad, IMAGE, command: [sh, -c, "exit 5"]}]
            containers: [{name: web, IMAGE, command: [sh, -c, "true"]}]
            """);
        await node.StartAsync();

        PodDocument again = await node.RunningAsync("again");
        Assert.Equal(1, again.InitContainers[0].Restarts);
        PodDocument never = (await node.PodsAsync(pods => pods.Any(p => AgentHost.Is(p, "never") && p.Phase == "Failed"))).Single(p => AgentHost.Is(p, "never"));
        Assert.Equal(("Init:Error", 5, "waiting"), (never.Status, never.InitContainers[0].ExitCode, never.Containers[0].State));

        // The next agent knows that it is over, too.
        await node.KillAsync();
        await node.StartAsync();
        await node.RunningAsync("again");
        never = (await node.PodsAsync(pods => pods.Any(p => AgentHost.Is(p, "never") && p.Phase == "Failed"))).Single(p => AgentHost.Is(p, "never"));
        Assert.Equal((0, "Init:Error"), (never.InitContainers[0].Restarts, never.Status));
    }
}
