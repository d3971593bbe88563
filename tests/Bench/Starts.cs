using System.Diagnostics;
using NativeKubelet.Api.Local;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>How fast pods come, come again, and go.</summary>
public static class Starts
{
    private const int Rounds = 20, QuickRounds = 5, Burst = 50;

    public static async Task RunAsync(Figures figures, bool quick)
    {
        await using AgentHost node = new();
        await node.StartAsync();
        using FirstInstruction up = new(node["bench"]);
        node.Write("template.yaml", up.Pod("template"));
        up.Wait(1);
        using BareRunc bare = new(node, await node.RunningAsync("template"));

        double floor = await SequentialAsync(figures, node, up, bare, quick ? QuickRounds : Rounds);
        if (!quick) await BurstAsync(figures, node, up, bare);
        await RestartAsync(figures, node, up, floor, quick ? QuickRounds : Rounds);
    }

    private static async Task<double> SequentialAsync(Figures figures, AgentHost node, FirstInstruction up, BareRunc bare, int rounds)
    {
        List<double> starts = [], floors = [], removals = [];
        for (int i = 0; i < rounds; i++)
        {
            // In turns, so that a noisy minute is noisy for both.
            (string, string) container = bare.Prepare();
            long begun = Stopwatch.GetTimestamp();
            bare.Start(container);
            floors.Add(Stopwatch.GetElapsedTime(begun, up.Wait(1)).TotalMilliseconds);
            bare.Remove(container);

            File.WriteAllText(node["staged.yaml"], up.Pod($"p{i}"));
            begun = Stopwatch.GetTimestamp();
            File.Move(node["staged.yaml"], Path.Combine(node.Manifests, $"p{i}.yaml"));
            starts.Add(Stopwatch.GetElapsedTime(begun, up.Wait(1)).TotalMilliseconds);

            PodDocument pod = await node.RunningAsync($"p{i}");
            begun = Stopwatch.GetTimestamp();
            node.Remove($"p{i}.yaml");
            await node.PodsAsync(pods => pods.All(p => p.Uid != pod.Uid));
            removals.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }
        double start = Median(starts), floor = Median(floors);
        figures.Add(new($"manifest renamed into place → first instruction, p50 of {rounds} (p99)", $"{Ms(start)} ({Ms(Percentile(starts, 99))})",
            $"bare runc {Ms(floor)}: {Ratio(start, floor)}", "1.5 × bare runc", start <= 1.5 * floor));
        double gone = Median(removals);
        figures.Add(new("manifest removed → nothing of the pod left (program exits on TERM), p50", Ms(gone), "", "100 ms", gone <= 100));
        return floor;
    }

    private static async Task BurstAsync(Figures figures, AgentHost node, FirstInstruction up, BareRunc bare)
    {
        List<(string, string)> containers = [.. Enumerable.Range(0, Burst).Select(_ => bare.Prepare())];
        long begun = Stopwatch.GetTimestamp();
        Task seen = Task.Run(() => up.Wait(Burst));
        Parallel.ForEach(containers, new ParallelOptions { MaxDegreeOfParallelism = 2 }, bare.Start);
        await seen;
        double floor = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        foreach ((string, string) container in containers) bare.Remove(container);

        for (int i = 0; i < Burst; i++) File.WriteAllText(node[$"burst{i}.yaml"], up.Pod($"burst{i}"));
        begun = Stopwatch.GetTimestamp();
        for (int i = 0; i < Burst; i++) File.Move(node[$"burst{i}.yaml"], Path.Combine(node.Manifests, $"burst{i}.yaml"));
        await Task.Run(() => up.Wait(Burst));
        double burst = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        figures.Add(new($"burst of {Burst} pods, all running", $"{burst:0.00} s", $"bare runc two at a time {floor:0.00} s: {Ratio(burst, floor)}", "1.5 × bare runc", burst <= 1.5 * floor));
        for (int i = 0; i < Burst; i++) node.Remove($"burst{i}.yaml");
        await node.PodsAsync(pods => pods.Count == 1, 120);
    }

    private static async Task RestartAsync(Figures figures, AgentHost node, FirstInstruction up, double floor, int rounds)
    {
        List<double> restarts = [], statuses = [];
        for (int i = 0; i < rounds; i++)
        {
            string name = $"again{i}";
            Node.Images.Tool.Run("/usr/bin/mkfifo", Path.Combine(up.DirectoryPath, name));
            node.Write($"{name}.yaml", up.Pod(name, $"read word </bench/{name}; exit 1"));
            up.Wait(1);
            PodDocument running = await node.RunningAsync(name);
            Task<long> ended = EndedAsync(node, running);
            long begun = Stopwatch.GetTimestamp();
            await File.WriteAllTextAsync(Path.Combine(up.DirectoryPath, name), "word\n");
            restarts.Add(Stopwatch.GetElapsedTime(begun, up.Wait(1)).TotalMilliseconds);
            statuses.Add(Stopwatch.GetElapsedTime(begun, await ended).TotalMilliseconds);
            node.Remove($"{name}.yaml");
        }
        double restart = Median(restarts), status = Percentile(statuses, 99);
        figures.Add(new($"container exits → its first restart runs, p50 of {rounds}", Ms(restart), $"bare runc {Ms(floor)}", "1.5 × bare runc + 20 ms", restart <= 1.5 * floor + 20));
        figures.Add(new($"container exits → status on the local socket, p99 of {rounds}", Ms(status), "", "50 ms", status <= 50));
    }

    /// <summary>When the socket's watch first tells that the instance is not running any more.</summary>
    private static async Task<long> EndedAsync(AgentHost node, PodDocument running)
    {
        await node.PodsAsync(pods => pods.Single(p => p.Uid == running.Uid).Containers[0] is var c && (c.State != "running" || c.Id != running.Containers[0].Id));
        return Stopwatch.GetTimestamp();
    }
}
