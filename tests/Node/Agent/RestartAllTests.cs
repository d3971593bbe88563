using NativeKubelet.Api.Local;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>A pod whose containers are all restarted by a rule of one of them, over deaths of the agent.</summary>
public sealed class RestartAllTests
{
    [Fact]
    public async Task A_cause_that_no_agent_saw_and_an_agent_that_dies_half_way_end_with_one_restart_of_all()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            restartPolicy: Never
            initContainers: [{name: setup, IMAGE, MOUNT, command: [sh, -c, "echo setup >> /node/trace"]}]
            containers:
            - {name: cause, IMAGE, MOUNT, restartPolicy: Never, restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [42]}}], command: [sh, -c, "test -f /node/once && { FOREVER; }; until test -f /node/end; do usleep 10000; done; touch /node/once; exit 42"]}
            - {name: other, IMAGE, command: [sh, -c, "exec sleep 100000"]}
            """);
        await node.StartAsync();
        await node.PodsAsync(pods => pods.Any(p => p.Status == "Running" && p.Ready == 2));
        await node.KillAsync();
        File.Create(node["end"]).Dispose();
        for (CancellationToken deadline = AgentHost.Deadline(); !File.Exists(node["once"]);) await Task.Delay(10, deadline);

        // "other" does not listen to SIGTERM: the agent dies while it waits for its end.
        await node.StartAsync();
        await node.EventAsync(e => e.Reason == "Killing" && e.Message == "Container other is restarted with all others of its pod");
        await node.KillAsync();
        await node.StartAsync();

        PodDocument web = (await node.PodsAsync(pods => pods.Any(p => p.Status == "Running" && p.Ready == 2 && p.Containers.All(c => c.Restarts == 1)))).Single();
        Assert.Equal((1, "Completed"), (web.InitContainers[0].Restarts, web.InitContainers[0].Reason));
        Assert.Equal(["setup", "setup"], node.Trace("trace"));
    }

    [Fact]
    public async Task A_pod_that_a_reboot_started_anew_is_restarted_as_a_whole_too()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            containers:
            - {name: cause, IMAGE, MOUNT, restartPolicy: Always, restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [42]}}], command: [sh, -c, "until test -f /node/end; do usleep 10000; done; test -f /node/once && { FOREVER; }; touch /node/once; exit 42"]}
            - {name: other, IMAGE, command: [sh, -c, "FOREVER"]}
            """);
        await node.StartAsync();
        await node.PodsAsync(pods => pods.Any(p => p.Status == "Running" && p.Ready == 2));

        // What ended with the machine is still on record, in a sandbox that is no more.
        await node.RebootAsync();
        await node.StartAsync();
        await node.PodsAsync(pods => pods.Any(p => p.Status == "Running" && p.Ready == 2 && p.Containers.All(c => c.Restarts == 1)));
        File.Create(node["end"]).Dispose();

        await node.PodsAsync(pods => pods.Any(p => p.Status == "Running" && p.Ready == 2 && p.Containers.All(c => c.Restarts == 2)));
    }
}
