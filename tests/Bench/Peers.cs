using System.Diagnostics;
using System.Globalization;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Images;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>The same container by containerd with its own command line tool, the shortest way that a peer has.</summary>
public static class Peers
{
    public static async Task RunAsync(Figures figures, bool quick)
    {
        if (!File.Exists("/usr/bin/ctr"))
        {
            figures.Add(new("one container by ctr run", "containerd is not installed"));
            return;
        }
        await using AgentHost node = new();
        await node.StartAsync();
        using FirstInstruction up = new(node["bench"]);
        using Containerd peer = await Containerd.StartAsync(node, up);
        List<double> ours = [], theirs = [];
        for (int i = 0; i < (quick ? 3 : 10); i++)
        {
            File.WriteAllText(node["staged.yaml"], up.Pod($"p{i}"));
            long begun = Stopwatch.GetTimestamp();
            File.Move(node["staged.yaml"], Path.Combine(node.Manifests, $"p{i}.yaml"));
            ours.Add(Stopwatch.GetElapsedTime(begun, up.Wait(1)).TotalMilliseconds);
            node.Remove($"p{i}.yaml");
            await node.PodsAsync(pods => pods.Count == 0);

            begun = Stopwatch.GetTimestamp();
            Task<long> seen = Task.Run(() => up.Wait(1));
            peer.Start($"c{i}");
            theirs.Add(Stopwatch.GetElapsedTime(begun, await seen).TotalMilliseconds);
            peer.Remove($"c{i}");
        }
        double here = Median(ours), there = Median(theirs);
        figures.Add(new($"one pod, host network → first instruction, p50 of {ours.Count}", Ms(here), $"ctr run {Ms(there)}: {Ratio(here, there)}"));
    }

    /// <summary>A daemon of its own, in the node's directory and tree, that ends with it.</summary>
    private sealed class Containerd(Process daemon, AgentHost node, FirstInstruction up) : IDisposable
    {
        private string Socket => node["ctr/socket"];

        public static async Task<Containerd> StartAsync(AgentHost node, FirstInstruction up)
        {
            Directory.CreateDirectory(node["ctr"]);
            await File.WriteAllTextAsync(node["ctr/config.toml"], $"""
                version = 2
                root = "{node["ctr/root"]}"
                state = "{node["ctr/state"]}"
                disabled_plugins = ["io.containerd.grpc.v1.cri"]
                [grpc]
                address = "{node["ctr/socket"]}"
                """);
            Process daemon = Process.Start(new ProcessStartInfo("containerd", ["-c", node["ctr/config.toml"], "--log-level", "error"]) { RedirectStandardError = true })!;
            daemon.ErrorDataReceived += (_, _) => { };
            daemon.BeginErrorReadLine();
            AgentHost.Put(daemon.Id, $"{node.Tree}/ctr");      // with its shims, which outlive it
            for (CancellationToken deadline = AgentHost.Deadline(); !File.Exists(node["ctr/socket"]);) await Task.Delay(20, deadline);
            Containerd peer = new(daemon, node, up);
            peer.Control("images", "import", ProgramFile.DemoImage);
            return peer;
        }

        public void Start(string name) => Control(
            "run", "--detach", "--net-host", "--cgroup", $"{node.Tree}/{name}", "--mount", $"type=bind,src={up.DirectoryPath},dst=/bench,options=rbind:rw",
            AgentHost.Image, name, "sh", "-c", $"echo {name} >/bench/up; trap exit TERM; sleep 100000 & wait");

        public void Remove(string name)
        {
            Control("tasks", "delete", "--force", name);
            Control("containers", "delete", name);
        }

        public void Dispose()
        {
            Tool.Run("/bin/kill", "-TERM", daemon.Id.ToString(CultureInfo.InvariantCulture));
            daemon.WaitForExit();
            daemon.Dispose();
        }

        private void Control(params string[] words) => Tool.Run("/usr/bin/ctr", ["--address", Socket, .. words]);
    }
}
