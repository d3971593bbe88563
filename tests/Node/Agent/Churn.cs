using System.Collections.Concurrent;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>Pods that come and go, with addresses, ports and volumes of their own, and the inventory of what is there because of them.</summary>
internal static class Churn
{
    /// <summary>Each of the pods is put there, runs, is taken away and gone; so many are under way at any time.</summary>
    /// <param name="first">Their names' first number.</param>
    public static Task RunAsync(AgentHost node, int first, int count, int atOnce)
    {
        ConcurrentBag<int> free = [.. Enumerable.Range(20000, atOnce)];
        return Parallel.ForEachAsync(Enumerable.Range(first, count), new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (i, _) =>
        {
            Assert.True(free.TryTake(out int port));
            string name = $"churn{i}";
            node.Write($"{name}.yaml", Pod(node, name, port));
            await node.RunningAsync(name);
            node.Remove($"{name}.yaml");
            await node.PodsAsync(pods => !pods.Any(p => AgentHost.Is(p, name)));
            free.Add(port);
        });
    }

    public static string Pod(AgentHost node, string name, int port) => $$"""
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
          - {name: shared, hostPath: {path: {{node["shared"]}}, type: DirectoryOrCreate} }
        """;

    /// <summary>What is on the machine of this agent, once what was going has gone.</summary>
    public static async Task<string[]> SettledAsync(AgentHost node)
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
}
