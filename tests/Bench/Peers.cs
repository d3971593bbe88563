using System.Diagnostics;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Images;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>The same pod by the tool that a user would otherwise take for it.</summary>
public static class Peers
{
    private const int Rounds = 10;

    public static async Task RunAsync(Figures figures)
    {
        if (!File.Exists("/usr/bin/podman"))
        {
            figures.Add(new("one pod by podman kube play", "podman is not installed"));
            return;
        }
        await using AgentHost node = new();
        await node.StartAsync();
        using FirstInstruction up = new(node["bench"]);
        string[] store = ["--root", node["podman"], "--runroot", node["podman-run"], "--cgroup-manager", "cgroupfs", "--runtime", "runc"];
        Tool.Run("/usr/bin/podman", [.. store, "load", "-i", ProgramFile.DemoImage]);
        List<double> ours = [], theirs = [];
        for (int i = 0; i < Rounds; i++)
        {
            File.WriteAllText(node["staged.yaml"], up.Pod($"p{i}"));
            long begun = Stopwatch.GetTimestamp();
            File.Move(node["staged.yaml"], Path.Combine(node.Manifests, $"p{i}.yaml"));
            ours.Add(Stopwatch.GetElapsedTime(begun, up.Wait(1)).TotalMilliseconds);
            node.Remove($"p{i}.yaml");
            await node.PodsAsync(pods => pods.Count == 0);

            string manifest = node["podman.yaml"];
            File.WriteAllText(manifest, up.Pod($"q{i}"));
            begun = Stopwatch.GetTimestamp();
            Task played = Task.Run(() => Tool.Run("/usr/bin/podman", [.. store, "kube", "play", manifest]));
            Task<long> seen = Task.Run(() => up.Wait(1));
            if (await Task.WhenAny(seen, played) == played) await played;      // its error, if it is one
            theirs.Add(Stopwatch.GetElapsedTime(begun, await seen).TotalMilliseconds);
            await played;
            Tool.Run("/usr/bin/podman", [.. store, "kube", "down", manifest]);
        }
        double here = Median(ours), there = Median(theirs);
        figures.Add(new("one pod, host network → first instruction, p50 of 10", Ms(here), $"podman kube play {Ms(there)}: {Ratio(here, there)}"));
    }
}
