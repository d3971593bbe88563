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
        File.WriteAllText(node["containers.conf"], $"[containers]\ndefault_ulimits = [\"nofile={Limit("Max open files")}\", \"nproc={Limit("Max processes")}\"]\n");
        string[] store = [$"CONTAINERS_CONF={node["containers.conf"]}", "podman", "--root", node["podman"], "--runroot", node["podman-run"], "--cgroup-manager", "cgroupfs", "--runtime", "runc"];
        Tool.Run("/usr/bin/env", [.. store, "load", "-i", ProgramFile.DemoImage]);
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
            Task played = Task.Run(() => Tool.Run("/usr/bin/env", [.. store, "kube", "play", manifest]));
            Task<long> seen = Task.Run(() => up.Wait(1));
            if (await Task.WhenAny(seen, played) == played && played.Exception?.InnerException is { } fault)
            {
                string cause = fault.Message.Split(": ", 2)[1].Split('\n')[0];
                figures.Add(new("one pod by podman kube play", $"does not start here: {cause}"));
                return;
            }
            theirs.Add(Stopwatch.GetElapsedTime(begun, await seen).TotalMilliseconds);
            await played;
            Tool.Run("/usr/bin/env", [.. store, "kube", "down", manifest]);
        }
        double here = Median(ours), there = Median(theirs);
        figures.Add(new("one pod, host network → first instruction, p50 of 10", Ms(here), $"podman kube play {Ms(there)}: {Ratio(here, there)}"));
    }

    /// <summary>Podman asks for more than a machine without CAP_SYS_RESOURCE may give; it is told what there is.</summary>
    private static string Limit(string name)
    {
        string[] words = File.ReadLines("/proc/self/limits").Single(l => l.StartsWith(name, StringComparison.Ordinal))[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return $"{words[0]}:{words[1]}".Replace("unlimited", "-1", StringComparison.Ordinal);
    }
}
