using NativeKubelet.Api.Local;

namespace NativeKubelet.Tests.Node.Agent;

public sealed class ProbeTests
{
    [Fact]
    public async Task A_failed_liveness_command_kills_the_container_and_it_runs_again()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            containers:
            - name: main
              IMAGE
              MOUNT
              command: [sh, -c, "test -e /node/first && rm -f /node/sick; touch /node/first; FOREVER"]
              livenessProbe: {exec: {command: [sh, -c, "echo looked; test ! -f $(PLACE)/sick"]}, periodSeconds: 1, failureThreshold: 2}
              env: [{name: PLACE, value: /node}]
            """.Replace("IMAGE", $"image: {AgentHost.Image}\n  imagePullPolicy: Never", StringComparison.Ordinal));
        await node.StartAsync();
        await node.RunningAsync("web");

        await File.WriteAllTextAsync(node["sick"], "", AgentHost.Deadline());
        await node.PodsAsync(pods => pods.Any(p => p.Restarts == 1 && p.Ready == 1));
        EventDocument unhealthy = await node.EventAsync(e => e.Reason == "Unhealthy");
        Assert.Equal(("Liveness probe failed: looked\n", "main"), (unhealthy.Message, unhealthy.Container));
        await node.EventAsync(e => e.Message == "Container main failed liveness probe, will be restarted" && e.Reason == "Killing");
    }

    [Fact]
    public async Task A_command_that_takes_too_long_fails_and_is_gone_with_its_children()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            containers:
            - {name: main, IMAGE, command: [sh, -c, "FOREVER"], readinessProbe: {exec: {command: [sh, -c, "sleep 333; true"]}, timeoutSeconds: 1, periodSeconds: 30}}
            """);
        await node.StartAsync();

        EventDocument unhealthy = await node.EventAsync(e => e.Reason == "Unhealthy");
        Assert.Equal("Readiness probe failed: command timed out: \"sh -c sleep 333; true\" timed out after 1s", unhealthy.Message);
        Assert.DoesNotContain(node.Processes(), pid => CommandOf(pid).Contains("sleep\0333", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_is_ready_while_it_answers_well_and_is_asked_by_the_name_of_its_port()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            containers:
            - name: main
              image: localhost/nativekubelet/hello:latest
              imagePullPolicy: Never
              command: [httpd, -f, -p, "8080", -h, /node]
              MOUNT
              ports: [{name: http, containerPort: 8080}]
              readinessProbe: {httpGet: {path: /page, port: http}, periodSeconds: 1, failureThreshold: 1}
              startupProbe: {tcpSocket: {port: http}, periodSeconds: 1}
            """);
        await node.StartAsync();
        await node.EventAsync(e => e.Message == "Readiness probe failed: HTTP probe failed with statuscode: 404");
        Assert.Equal(0, (await node.PodsAsync(pods => pods.Any(p => p.Status == "Running"))).Single().Ready);

        await File.WriteAllTextAsync(node["page"], "here", AgentHost.Deadline());
        await node.RunningAsync("web");
        File.Delete(node["page"]);
        PodDocument after = (await node.PodsAsync(pods => pods.Any(p => p.Status == "Running" && p.Ready == 0))).Single();
        Assert.Equal(0, after.Restarts);
    }

    [Fact]
    public async Task Nothing_is_asked_before_the_startup_probe_has_passed_and_a_sidecar_holds_up_the_others_until_then()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            initContainers:
            - {name: side, IMAGE, MOUNT, restartPolicy: Always, command: [sh, -c, "FOREVER"], startupProbe: {exec: {command: [test, -f, /node/side]}, periodSeconds: 1, failureThreshold: 100}}
            containers:
            - {name: main, IMAGE, MOUNT, command: [sh, -c, "FOREVER"], startupProbe: {exec: {command: [test, -f, /node/main]}, periodSeconds: 1, failureThreshold: 100}, livenessProbe: {exec: {command: [sh, -c, "echo asked >> /node/asked"]}, periodSeconds: 1}}
            """);
        await node.StartAsync();
        await node.EventAsync(e => e is { Reason: "Unhealthy", Container: "side", Count: >= 2 });
        Assert.Equal("Init:0/1", (await node.PodsAsync(pods => pods.Count == 1)).Single().Status);

        await File.WriteAllTextAsync(node["side"], "", AgentHost.Deadline());
        await node.EventAsync(e => e is { Reason: "Unhealthy", Container: "main", Count: >= 2 });
        Assert.Empty(node.Trace("asked"));
        Assert.Equal((1, "Running"), await StateAsync(node));

        await File.WriteAllTextAsync(node["main"], "", AgentHost.Deadline());
        await node.PodsAsync(pods => pods.Any(p => p.Ready == 2));
        for (CancellationToken deadline = AgentHost.Deadline(); node.Trace("asked").Length == 0;) await Task.Delay(10, deadline);
    }

    [Fact]
    public async Task A_ready_pod_stays_ready_over_an_agent_that_is_killed()
    {
        await using AgentHost node = new();
        node.WritePod("web", """
            containers:
            - {name: main, IMAGE, MOUNT, command: [sh, -c, "FOREVER"], readinessProbe: {exec: {command: [test, -f, /node/ready]}, periodSeconds: 600, failureThreshold: 1}}
            - {name: other, IMAGE, MOUNT, command: [sh, -c, "FOREVER"], readinessProbe: {exec: {command: [test, -f, /node/never]}, periodSeconds: 600}}
            """);
        await File.WriteAllTextAsync(node["ready"], "", AgentHost.Deadline());
        await node.StartAsync();
        await node.PodsAsync(pods => pods.Any(p => p.Ready == 1));
        await node.KillAsync();

        node.Launch();
        await node.ServingAsync();
        PodDocument first = (await node.PodsAsync(pods => pods.Count == 1)).Single();
        Assert.Equal([("main", true), ("other", false)], first.Containers.Select(c => (c.Name, c.Ready)));
    }

    /// <summary>The manifests that the project began with, with their images replaced by the one at hand.</summary>
    [Fact]
    public async Task The_two_samples_behave_to_the_second()
    {
        await using AgentHost node = new();
        string exec = Sample("liveness-probe.yaml").Replace("image: busybox", $"image: {AgentHost.Image}", StringComparison.Ordinal);
        node.Write("exec.yaml", exec);
        node.Write("corrected.yaml", exec.Replace("slee 10", "sleep 600", StringComparison.Ordinal).Replace("pod-liveness", "pod-corrected", StringComparison.Ordinal));
        node.Write("tcp.yaml", Sample("liveness-probe-tcp.yaml").Replace("image: nginx", $"image: {AgentHost.Image}\n    command: [sh, -c, \"trap exit TERM; sleep 1000 & wait\"]", StringComparison.Ordinal));
        await node.StartAsync();
        IReadOnlyList<PodDocument> begun = await node.PodsAsync(pods => pods.Count == 3 && pods.All(p => p.Status == "Running"));
        DateTimeOffset tcpBegun = begun.Single(p => AgentHost.Is(p, "pod-livenss-probe")).Containers[0].Since!.Value;
        DateTimeOffset correctedBegun = begun.Single(p => AgentHost.Is(p, "pod-corrected")).Containers[0].Since!.Value;

        Task<IReadOnlyList<(string Status, int Restarts)>> tcpLife = LifeAsync(node, "pod-livenss-probe", state => state is ("Running", 2), 180);
        Task<EventDocument> tcpKilled = node.EventAsync(e => e.Message == "Container pod-livenss-probe failed liveness probe, will be restarted", 120);
        Task<EventDocument> correctedKilled = node.EventAsync(e => e.Message == "Container pod-corrected failed liveness probe, will be restarted", 120);
        PodDocument crashed = (await node.PodsAsync(pods => pods.Any(p => AgentHost.Is(p, "pod-liveness-") || AgentHost.Is(p, "pod-liveness") && p.Status == "CrashLoopBackOff"), 150))
            .Single(p => AgentHost.Is(p, "pod-liveness"));
        Assert.Equal(1, crashed.Restarts);
        await node.EventAsync(e => e.Message.StartsWith("Liveness probe failed: dial tcp ", StringComparison.Ordinal) && e.Message.EndsWith(":8080: connect: connection refused", StringComparison.Ordinal));

        Assert.InRange((await tcpKilled).First - tcpBegun, TimeSpan.FromSeconds(29), TimeSpan.FromSeconds(33));
        // Whether the third of the looks at 30, 35, 40 and 45 s finds the file gone is a matter of milliseconds.
        Assert.InRange((await correctedKilled).First - correctedBegun, TimeSpan.FromSeconds(39), TimeSpan.FromSeconds(49));
        Assert.Equal([("Running", 0), ("Running", 1), ("CrashLoopBackOff", 1), ("Running", 2)], (await tcpLife).Where(state => state.Status is "Running" or "CrashLoopBackOff"));
    }

    /// <summary>The states that a pod goes through, each once, from now to the wanted one.</summary>
    private static async Task<IReadOnlyList<(string Status, int Restarts)>> LifeAsync(AgentHost node, string pod, Predicate<(string Status, int Restarts)> last, int seconds)
    {
        List<(string Status, int Restarts)> life = [];
        await node.PodsAsync(pods =>
        {
            PodDocument now = pods.Single(p => AgentHost.Is(p, pod));
            if (life.Count == 0 || life[^1] != (now.Status, now.Restarts)) life.Add((now.Status, now.Restarts));
            return last(life[^1]);
        }, seconds);
        return life;
    }

    private static async Task<(int Ready, string Status)> StateAsync(AgentHost node)
    {
        PodDocument pod = (await node.PodsAsync(pods => pods.Count == 1)).Single();
        return (pod.Ready, pod.Status);
    }

    private static string CommandOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline");
        }
        catch (IOException)
        {
            return "";      // it has ended
        }
    }

    private static string Sample(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "samples", name));
}
