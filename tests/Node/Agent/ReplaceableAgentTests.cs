using NativeKubelet.Api.Local;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>The agent may be killed at any moment: containers run on, logs lose nothing, and the next one finishes what was begun.</summary>
public sealed class ReplaceableAgentTests
{
    private const string Count = "trap exit TERM; n=0; while :; do echo $((n=n+1)); usleep 5000; done";

    [Fact]
    public async Task Killed_a_hundred_times_under_churn_it_restarts_no_container_and_loses_no_log_line()
    {
        int kills = int.TryParse(Environment.GetEnvironmentVariable("NK_KILLS"), out int given) ? given : 100;
        int seed = Random.Shared.Next();
        Random random = new(seed);
        await using AgentHost node = new();
        node.Write("steady.yaml", AgentHost.Pod("steady", Count));
        await node.StartAsync();
        PodDocument before = await node.RunningAsync("steady");
        string log = before.Containers[0].LogPath;

        HashSet<string> wanted = [];
        for (int i = 0; i < kills; i++)
        {
            // Adds, changes and removals are under way when the agent dies, in each stage of a pod's life.
            string name = $"churn{random.Next(4)}";
            if (wanted.Contains(name) && random.Next(2) == 0)
            {
                node.Remove($"{name}.yaml");
                wanted.Remove(name);
            }
            else
            {
                node.Write($"{name}.yaml", AgentHost.Pod(name, $"trap exit TERM; echo {i}; sleep 1000 & wait"));
                wanted.Add(name);
            }
            if (random.Next(3) > 0) await Task.Delay(random.Next(250));       // the moment of death is what is varied here
            await node.KillAsync();
            node.Launch();
        }
        await node.ServingAsync();

        IReadOnlyList<PodDocument> pods = await node.PodsAsync(all =>
            all.Count == wanted.Count + 1 && all.All(p => p.Status == "Running" && p.Ready == 1) && all.All(p => AgentHost.Is(p, "steady") || wanted.Any(w => AgentHost.Is(p, w))));
        PodDocument steady = pods.Single(p => AgentHost.Is(p, "steady"));
        Assert.True(before.Containers[0].Id == steady.Containers[0].Id && steady.Restarts == 0, $"{node.Said}\nseed {seed}: the container was restarted");
        Assert.True(pods.All(p => p.Restarts == 0), $"{node.Said}\nseed {seed}: restarts: {string.Join(", ", pods.Select(p => $"{p.Name} {p.Restarts}"))}");
        int last = 0;
        foreach (string line in Lines(log)) Assert.True(int.Parse(line) == ++last, $"seed {seed}: line {line} after {last - 1}");
        Assert.True(last > kills);

        // Nothing of pods that came and went stays behind. Those that no source names any more are on no board: only their traces tell.
        foreach (string place in (string[])["kubelet/pods", "run/sandboxes", "data/containers"])
            for (CancellationToken deadline = AgentHost.Deadline(); Directory.GetDirectories(node[place]).Length != pods.Count; await Task.Delay(20, deadline))
                Assert.False(deadline.IsCancellationRequested, $"{node.Said}\nseed {seed}: {place}: {string.Join(", ", Directory.GetDirectories(node[place]))}");
    }

    [Fact]
    public async Task A_container_that_ended_while_no_agent_ran_is_started_again_once()
    {
        await using AgentHost node = new();
        string go = node["go"];
        Images.Tool.Run("/usr/bin/mkfifo", go);
        node.Write("once.yaml", $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: once}
            spec:
              hostNetwork: true
              containers:
              - name: main
                image: {{AgentHost.Image}}
                imagePullPolicy: Never
                command: [sh, -c, "echo begun; read word </node/go; echo ended; exit 7"]
                volumeMounts: [{name: node, mountPath: /node}]
              volumes:
              - name: node
                hostPath: {path: {{node.Root}} }
            """);
        await node.StartAsync();
        PodDocument before = await node.RunningAsync("once");
        int[] processes = node.Processes();
        await node.KillAsync();
        await File.WriteAllTextAsync(go, "word\n", AgentHost.Deadline());
        // While no agent runs the exit has no event for us.
        for (CancellationToken deadline = AgentHost.Deadline(); node.Processes().Length == processes.Length;) await Task.Delay(10, deadline);

        await node.StartAsync();
        PodDocument after = (await node.PodsAsync(pods => pods.Any(p => p.Restarts == 1 && p.Status == "Running"))).Single();
        Assert.NotEqual(before.Containers[0].Id, after.Containers[0].Id);
        Assert.Equal(["begun", "ended"], Lines(after.Containers[0].PreviousLogPath));
        // It runs before it has said anything, and its words come by way of the holder.
        await LogGrowsAsync(after.Containers[0].LogPath, lines: 1);
        Assert.Equal(["begun"], Lines(after.Containers[0].LogPath));
    }

    private static async Task LogGrowsAsync(string log, int lines)
    {
        using Inotify changes = new();
        changes.Watch(log, FileEvents.Modified);
        while (File.ReadAllLines(log).Length < lines) await changes.ReadAsync(AgentHost.Deadline());
    }

    private static IEnumerable<string> Lines(string log) =>
        Directory.GetFiles(Path.GetDirectoryName(log)!, Path.GetFileName(log) + ".2*").Order(StringComparer.Ordinal).Append(log)
            .SelectMany(File.ReadAllLines).Select(line => line.Split(' ', 4)[3]);
}
