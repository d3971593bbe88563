using System.Diagnostics;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>What the node costs while it does nothing, by number of pods.</summary>
public static class Footprint
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(60);

    /// <summary>A measuring pause: what a burst of work needed is given back.</summary>
    internal static readonly TimeSpan Settle = TimeSpan.FromSeconds(25);

    public static async Task RunAsync(Figures figures, bool quick)
    {
        int[] counts = quick ? [0, 10] : [0, 10, 100, 300];
        await using AgentHost node = new();
        File.AppendAllText(node["config.yaml"], "\nmaxPods: 400\n");      // a node admits 110 by itself
        await node.StartAsync();
        using FirstInstruction up = new(node["bench"]);
        int running = 0;
        foreach (int count in counts)
        {
            for (int i = running; i < count; i++) node.Write($"idle{i}.yaml", up.Pod($"idle{i}"));
            await Task.Run(() => up.Wait(count - running));
            running = count;
            await node.PodsAsync(pods => pods.Count(p => p.Status == "Running") == count, 300);
            await Task.Delay(Settle);
            Memory(figures, node, count);
            if (count == 100)
            {
                await IdleAsync(figures, node);
                Samples.Run(figures, node.Tree, await node.PodsAsync(_ => true));
                await AdoptionAsync(figures, node, count);
            }
        }
        for (int i = 0; i < running; i++) node.Remove($"idle{i}.yaml");
        await node.PodsAsync(pods => pods.Count == 0, 300);
    }

    private static void Memory(Figures figures, AgentHost node, int count)
    {
        int agent = node.Pid;
        long rss = Costs.Memory(agent, "Rss"), anonymous = Costs.Memory(agent, "Anonymous"), pss = Costs.Memory(agent, "Pss");
        (string budget, bool? met) = count switch { 0 => ("20 MB RSS", rss * 1024 <= 20e6), 100 => ("40 MB RSS", rss * 1024 <= 40e6), _ => ("", (bool?)null) };
        figures.Add(new($"agent at {count} pods: RSS (anonymous, PSS)", $"{Mb(rss)} ({Mb(anonymous)}, {Mb(pss)})", "", budget, met));
        if (count == 0) return;
        long holders = node.Processes().Where(p => Comm(p) is "nk-holder" or "nk-pause").Sum(p => Costs.Memory(p, "Pss"));
        figures.Add(new($"holder + pause of one pod among {count}, PSS", $"{holders / (double)count:0} KiB", "", "150 KB", holders * 1024.0 / count <= 150e3));
        if (count == 100) figures.Add(new("all that is not the workload at 100 pods, PSS", Mb(holders + pss), "", "60 MB", (holders + pss) * 1024 <= 60e6));
    }

    private static async Task IdleAsync(Figures figures, AgentHost node)
    {
        int[] holders = [.. node.Processes().Where(p => Comm(p) == "nk-holder")];
        (double cpu, double byHolders, long written) = (Costs.Cpu(node.Pid), holders.Sum(Costs.OfOneThread), Costs.Written(node.Pid) + holders.Sum(Costs.Written));
        long begun = Stopwatch.GetTimestamp();
        await Task.Delay(Idle);
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        double used = (Costs.Cpu(node.Pid) - cpu) / seconds * 100, usedByHolders = (holders.Sum(Costs.OfOneThread) - byHolders) / seconds * 100;
        figures.Add(new("CPU at 100 idle pods over 60 s, of one core: agent + holders", $"{used:0.00} % + {usedByHolders:0.00} %", "", "0.5 %", used + usedByHolders <= 0.5));
        long bytes = Costs.Written(node.Pid) + holders.Sum(Costs.Written) - written;
        figures.Add(new("written to disk by agent and holders in those 60 s", $"{bytes} bytes", "", "0", bytes == 0));
    }

    private static async Task AdoptionAsync(Figures figures, AgentHost node, int count)
    {
        List<double> times = [];
        for (int i = 0; i < 5; i++)
        {
            await node.KillAsync();
            long begun = Stopwatch.GetTimestamp();
            await node.StartAsync();
            await node.PodsAsync(pods => pods.Count(p => p.Status == "Running") == count);
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }
        double median = Median(times);
        figures.Add(new($"agent started → {count} running pods taken over, p50 of 5", Ms(median), "", "300 ms", median <= 300));
    }

    private static string Comm(int pid) => File.Exists($"/proc/{pid}/comm") ? File.ReadAllText($"/proc/{pid}/comm").Trim() : "";
}
