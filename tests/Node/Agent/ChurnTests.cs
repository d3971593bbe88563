using System.Globalization;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>
/// Pods come and go, with addresses, ports and volumes of their own; the machine and the agent are afterwards what they were.
/// Two hundred by default; two thousand are an explicit test (-explicit only).
/// </summary>
public sealed class ChurnTests
{
    private const int AtOnce = 10, WarmUp = 40, MostGrowth = 2 << 20;

    [Fact]
    public Task After_two_hundred_pods_nothing_is_left_and_the_agent_has_not_grown() => HoldsAsync(200);

    [Fact(Explicit = true)]
    public Task Nor_after_two_thousand() => HoldsAsync(2000);

    private static async Task HoldsAsync(int pods)
    {
        await using AgentHost node = new();
        Directory.CreateDirectory(node["shared"]);
        await node.StartAsync();
        await ChurnAsync(node, WarmUp, 0);
        string[] before = await SettledAsync(node);
        (long memory, int descriptors) = (Memory(node.Pid), Descriptors(node.Pid));

        await ChurnAsync(node, pods - WarmUp, WarmUp);

        string[] after = await SettledAsync(node);
        Assert.Equal(before, after);
        // A connection of ours may be on its way out, now as well as before.
        for (CancellationToken deadline = AgentHost.Deadline(); Descriptors(node.Pid) > descriptors; await Task.Delay(50, CancellationToken.None))
            Assert.False(deadline.IsCancellationRequested, $"{Descriptors(node.Pid)} file descriptors, {descriptors} before: {Open(node.Pid)}");
        // A jitted agent compiles on and on; only the program that is delivered can be held to this.
        if (ProgramFile.IsNative)
            for (CancellationToken deadline = AgentHost.Deadline(); Memory(node.Pid) - memory > MostGrowth; await Task.Delay(500, CancellationToken.None))
                Assert.False(deadline.IsCancellationRequested, $"{Memory(node.Pid)} bytes of anonymous memory, {memory} before");
    }

    private static async Task ChurnAsync(AgentHost node, int pods, int from)
    {
        for (int done = 0; done < pods; done += AtOnce)
        {
            string[] names = [.. Enumerable.Range(from + done, AtOnce).Select(i => $"churn{i}")];
            foreach ((int i, string name) in names.Index()) node.Write($"{name}.yaml", Pod(node, name, 20000 + i));
            await node.PodsAsync(all => all.Count == AtOnce && all.All(p => p.Status == "Running" && p.Ready == 1), 120);
            foreach (string name in names) node.Remove($"{name}.yaml");
            await node.PodsAsync(all => all.Count == 0, 120);
        }
    }

    private static string Pod(AgentHost node, string name, int port) => $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{name}}}
        spec:
          terminationGracePeriodSeconds: 2
          containers:
          - name: main
            image: {{AgentHost.Image}}
            imagePullPolicy: Never
            command: [sh, -c, "trap exit TERM; echo up >/scratch/file; echo up; sleep 1000 & wait"]
            ports: [{containerPort: 80, hostPort: {{port}}, hostIP: 127.0.0.1}, {containerPort: 53, hostPort: {{port}}, protocol: UDP, hostIP: 127.0.0.1}]
            volumeMounts: [{name: scratch, mountPath: /scratch}, {name: shared, mountPath: /shared}]
          volumes:
          - {name: scratch, emptyDir: {} }
          - {name: shared, hostPath: {path: {{node["shared"]}}, type: Directory} }
        """;

    /// <summary>What is on the machine of this agent, once what was going has gone.</summary>
    private static async Task<string[]> SettledAsync(AgentHost node)
    {
        for (CancellationToken deadline = AgentHost.Deadline(); ; await Task.Delay(50, deadline))
        {
            string[] busy =
            [
                .. node.Processes().Select(pid => $"process {pid}"), .. Mounts(node),
                .. ((string[])["kubelet/pods", "run/sandboxes", "run/containers", "run/netns", "data/containers", "logs/pods", "logs/containers", "data/network/sandboxes"])
                    .Where(d => Directory.Exists(node[d])).SelectMany(d => Directory.GetFileSystemEntries(node[d])),
                .. node.GroupDirectories().Where(IsOfPod),
            ];
            if (busy.Length == 0) return Inventory(node);
            Assert.False(deadline.IsCancellationRequested, $"left behind: {string.Join("; ", busy)}\n{node.Said}");
        }
    }

    private static string[] Inventory(AgentHost node) =>
    [
        .. node.GroupDirectories(),
        .. Directory.GetDirectories("/sys/class/net").Where(l => Path.GetFileName(l) == node.Bridge || Directory.Exists($"/sys/class/net/{node.Bridge}/brif/{Path.GetFileName(l)}")),
        .. Tool.Run("/usr/sbin/nft", "list", "table", "ip", $"nativekubelet_{node.Bridge}").Split('\n'),
        .. Directory.GetFileSystemEntries(node.Root, "*", SearchOption.AllDirectories)
            .Where(f => !f.StartsWith(node["data/images"], StringComparison.Ordinal)).Order(StringComparer.Ordinal),
        .. Directory.GetFileSystemEntries(node["data/images"]).Order(StringComparer.Ordinal),
        .. Directory.GetFileSystemEntries(node["data/images/layers"]).Order(StringComparer.Ordinal),
    ];

    /// <summary>"podUID" or, in systemd's form, "…-podUID.slice"; "kubepods" is nobody's.</summary>
    private static bool IsOfPod(string group) =>
        Path.GetFileName(group).StartsWith("pod", StringComparison.Ordinal) || Path.GetFileName(group).Contains("-pod", StringComparison.Ordinal);

    /// <summary>The root directory is a mount of its own as long as there is an agent, for volumes to propagate from.</summary>
    private static IEnumerable<string> Mounts(AgentHost node) => MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo"))
        .Where(m => m.MountPoint.StartsWith(node.Root + "/", StringComparison.Ordinal) && m.MountPoint != node["kubelet"]).Select(m => $"mount {m.MountPoint}");

    private static long Memory(int pid) => long.Parse(
        File.ReadLines($"/proc/{pid}/status").Single(l => l.StartsWith("RssAnon:", StringComparison.Ordinal)).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) * 1024;

    private static int Descriptors(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length;

    private static string Open(int pid) => string.Join(", ", Directory.GetFileSystemEntries($"/proc/{pid}/fd").Select(f => new FileInfo(f).LinkTarget));
}
