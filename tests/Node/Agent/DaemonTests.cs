using NativeKubelet.Api.Local;

namespace NativeKubelet.Tests.Node.Agent;

public sealed class DaemonTests
{
    [Fact]
    public async Task A_manifest_becomes_a_running_pod_and_its_removal_leaves_nothing()
    {
        await using AgentHost node = new();
        await node.StartAsync();
        node.Write("web.yaml", AgentHost.Pod("web", "trap exit TERM; sleep 1000 & wait"));
        PodDocument pod = await node.RunningAsync("web");
        Assert.Equal(0, pod.Restarts);
        Assert.NotEmpty(node.Processes());

        node.Remove("web.yaml");
        await node.PodsAsync(pods => pods.Count == 0);
        Assert.Empty(node.Processes());
        Assert.Empty(Directory.GetFileSystemEntries(node["kubelet/pods"]));
        Assert.Empty(Directory.GetFileSystemEntries(node["logs/pods"]));
        Assert.Empty(Directory.GetFileSystemEntries(node["data/containers"]));
        Assert.Empty(Directory.GetFileSystemEntries(node["run/sandboxes"]));
    }

    [Fact]
    public async Task A_stopped_agent_ends_within_a_second_and_the_next_one_takes_its_pods_over()
    {
        await using AgentHost node = new();
        node.Write("web.yaml", AgentHost.Pod("web", "trap exit TERM; sleep 1000 & wait"));
        await node.StartAsync();
        PodDocument before = await node.RunningAsync("web");
        int[] processes = node.Processes();

        (int code, TimeSpan took) = await node.TerminateAsync();
        Assert.Equal(0, code);
        Assert.InRange(took, TimeSpan.Zero, TimeLimit.Of(1));
        Assert.Equal(processes, node.Processes());

        await node.StartAsync();
        PodDocument after = await node.RunningAsync("web");
        Assert.Equal(before.Uid, after.Uid);
        Assert.Equal(before.Containers[0].Id, after.Containers[0].Id);
        Assert.Equal(0, after.Restarts);
    }

    [Fact]
    public async Task Static_pods_start_again_after_a_reboot_and_finished_ones_stay_finished()
    {
        await using AgentHost node = new();
        node.Write("web.yaml", AgentHost.Pod("web", "trap exit TERM; sleep 1000 & wait"));
        node.Write("once.yaml", AgentHost.Pod("once", "echo done", "Never"));
        await node.StartAsync();
        PodDocument web = await node.RunningAsync("web");
        PodDocument once = (await node.PodsAsync(pods => pods.Any(p => AgentHost.Is(p, "once") && p.Phase == "Succeeded"))).Single(p => AgentHost.Is(p, "once"));

        await node.RebootAsync();
        await node.StartAsync();
        PodDocument again = await node.RunningAsync("web");
        Assert.Equal(web.Uid, again.Uid);
        Assert.NotEqual(web.Containers[0].Id, again.Containers[0].Id);
        Assert.Equal(1, again.Restarts);
        IReadOnlyList<PodDocument> pods = await node.PodsAsync(pods => pods.Any(p => AgentHost.Is(p, "once") && p.Phase == "Succeeded"));
        Assert.Equal(once.Containers[0].Id, pods.Single(p => AgentHost.Is(p, "once")).Containers[0].Id);
    }

    /// <summary>As kubeadm reset does, which finds no runtime that it could tell to end pods.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pods_whose_directories_were_removed_leave_nothing_either(bool rebooted)
    {
        await using AgentHost node = new();
        node.Write("web.yaml", AgentHost.Pod("web", "trap exit TERM; sleep 1000 & wait"));
        await node.StartAsync();
        await node.RunningAsync("web");

        await node.TerminateAsync();
        if (rebooted) await node.RebootAsync();
        Directory.Delete(node["kubelet/pods"], recursive: true);
        node.Remove("web.yaml");
        await node.StartAsync();

        // They are on no board, so only their traces tell.
        for (CancellationToken deadline = AgentHost.Deadline(); Traces().Length > 0; await Task.Delay(20, CancellationToken.None))
            Assert.False(deadline.IsCancellationRequested, $"{node.Said}\nleft: {string.Join(", ", Traces())}");
        string[] Traces() => [.. ((string[])["run/sandboxes", "data/containers"]).SelectMany(p => Directory.GetFileSystemEntries(node[p])), .. node.Processes().Select(p => $"process {p}")];
        Assert.DoesNotContain("FailedKillPod", node.Said, StringComparison.Ordinal);
    }

    /// <param name="agent">Runs meanwhile: then nothing is noticed before the container starts again.</param>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pod_whose_directories_were_removed_gets_new_ones(bool agent)
    {
        await using AgentHost node = new();
        string orders = Directory.CreateDirectory(node["orders"]).FullName;
        node.Write("web.yaml", $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: web}
            spec:
              terminationGracePeriodSeconds: 1
              containers:
              - name: web
                image: {{AgentHost.Image}}
                imagePullPolicy: Never
                command: [sh, -c, "trap exit TERM; until rm /orders/end 2>/dev/null; do sleep 0.1; done"]
                volumeMounts: [{name: v, mountPath: /v}, {name: d, mountPath: /d}, {name: orders, mountPath: /orders}]
              - {name: other, image: {{AgentHost.Image}}, imagePullPolicy: Never, command: [sh, -c, "trap exit TERM; sleep 1000 & wait"]}
              volumes: [{name: v, emptyDir: {} }, {name: d, downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name} }] } }, {name: orders, hostPath: {path: {{orders}} } }]
            """);
        await node.StartAsync();
        PodDocument before = await node.RunningAsync("web");

        if (!agent) await node.TerminateAsync();
        string pod = node[$"kubelet/pods/{before.Uid}"];
        foreach (string mount in File.ReadLines("/proc/self/mounts").Select(m => m.Split(' ')[1]).Where(m => m.StartsWith(pod, StringComparison.Ordinal))) Images.Tool.Run("/bin/umount", mount);
        Directory.Delete(pod, recursive: true);
        if (agent) File.WriteAllText(Path.Combine(orders, "end"), "");
        else await node.StartAsync();

        await node.PodsAsync(pods => pods.Any(p => AgentHost.Is(p, "web") && p is { Status: "Running", Ready: 2 } && p.Containers.All(c => before.Containers.All(b => b.Id != c.Id))));
        Assert.Contains("SandboxBereft", node.Said, StringComparison.Ordinal);
        Assert.True(Directory.Exists(Path.Combine(pod, "volumes/kubernetes.io~empty-dir/v")), node.Said);
        Assert.Equal(before.Name, File.ReadAllText(Path.Combine(pod, "volumes/kubernetes.io~downward-api/d/name")));
    }

    [Fact]
    public async Task A_manifest_that_turned_invalid_keeps_its_pod_through_restart_and_reboot()
    {
        await using AgentHost node = new();
        node.Write("web.yaml", AgentHost.Pod("web", "trap exit TERM; sleep 1000 & wait"));
        await node.StartAsync();
        PodDocument before = await node.RunningAsync("web");

        node.Write("web.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web\n");
        node.Write("other.yaml", AgentHost.Pod("other", "trap exit TERM; sleep 1000 & wait"));
        await node.RunningAsync("other");      // delivered with or after the broken one
        await node.KillAsync();
        await node.StartAsync();
        Assert.Equal(before.Containers[0].Id, (await node.RunningAsync("web")).Containers[0].Id);
        ProblemListDocument problems = await node.Client.GetAsync("/v1/problems", LocalJson.Default.ProblemListDocument, AgentHost.Deadline());
        Assert.Contains(problems.Problems, p => p.Origin.EndsWith("web.yaml", StringComparison.Ordinal) && p.StandIn && p.Severity == "error");

        await node.RebootAsync();
        await node.StartAsync();
        Assert.Equal(before.Uid, (await node.RunningAsync("web")).Uid);
    }

    [Fact]
    public async Task A_pod_has_an_address_of_its_own_and_serves_there()
    {
        await using AgentHost node = new();
        await node.StartAsync();
        node.Write("web.yaml", $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: web}
            spec:
              terminationGracePeriodSeconds: 1
              containers:
              - {name: web, image: {{AgentHost.Image}}, imagePullPolicy: Never, command: [httpd, -f, -p, "8080", -h, /www]}
            """);
        PodDocument pod = await node.RunningAsync("web");
        using HttpClient http = new();
        Assert.Contains("Hello from NativeKubelet", await AnswerAsync(http, $"http://{pod.Ip}:8080/"), StringComparison.Ordinal);
        Assert.Equal("ok", await http.GetStringAsync($"http://127.0.0.1:{node.HealthzPort}/healthz", AgentHost.Deadline()));
    }

    [Theory]
    [InlineData("--no-such-flag=1", "no-such-flag")]
    [InlineData("--max-pods=many", "max-pods")]
    [InlineData("--config=/no/such/file", "/no/such/file")]
    public async Task A_command_line_that_cannot_be_ends_the_start_and_names_the_place(string argument, string named)
    {
        await using AgentHost node = new(withImage: false);
        node.Launch(argument);
        Assert.Equal(1, await node.ExitedAsync());
        Assert.Contains(named, node.Said, StringComparison.Ordinal);
    }

    private static async Task<string> AnswerAsync(HttpClient http, string url)
    {
        CancellationToken deadline = AgentHost.Deadline();
        while (true)
        {
            try
            {
                return await http.GetStringAsync(url, deadline);
            }
            catch (HttpRequestException)
            {
                // Running means that the program began, not that it listens: nothing tells when it does but asking.
                await Task.Delay(20, deadline);
            }
        }
    }
}
