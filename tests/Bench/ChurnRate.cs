using System.Diagnostics;
using System.Globalization;
using NativeKubelet.Tests.Node.Agent;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>How many pods a node carries through their lives in a minute, and what of them stays behind. NK_CHURN: how many.</summary>
public static class ChurnRate
{
    private const int AtOnce = 4, WarmUp = 40, MostBare = 200;

    public static async Task RunAsync(Figures figures, bool quick)
    {
        int pods = int.TryParse(Environment.GetEnvironmentVariable("NK_CHURN"), CultureInfo.InvariantCulture, out int given) ? given : quick ? 20 : 200;
        await using AgentHost node = new();
        await node.StartAsync();
        await Churn.RunAsync(node, 0, WarmUp, AtOnce);
        string[] before = await Churn.SettledAsync(node);
        string small = await MemoryAsync(node);

        long begun = Stopwatch.GetTimestamp();
        await Churn.RunAsync(node, WarmUp, pods, AtOnce);
        double rate = pods / Stopwatch.GetElapsedTime(begun).TotalMinutes;
        double floor = await BareAsync(node, Math.Min(pods, MostBare));
        string[] after = await Churn.SettledAsync(node);
        string[] changed = [.. after.Except(before), .. before.Except(after)];

        figures.Add(new($"{pods} pods with address, ports and volumes, {AtOnce} at a time: in place, running, removed, gone; per minute", $"{rate:0}",
            $"bare runc, run and delete, two at a time {floor:0}: {Ratio(rate, floor)}"));
        figures.Add(new($"agent before and after these {pods}: RSS (anonymous)", $"{small}, {await MemoryAsync(node)}"));
        figures.Add(new($"changed on the machine by these {pods}: processes, mounts, control groups, links, rules, files",
            changed.Length == 0 ? "nothing" : $"{changed.Length}: {string.Join("; ", changed.Take(3))}", "", "nothing", changed.Length == 0));
    }

    private static async Task<string> MemoryAsync(AgentHost node)
    {
        await Task.Delay(Footprint.Settle);
        return Resident(node.Pid);
    }

    /// <returns>Containers per minute, from the bundle of a pod of the same kind.</returns>
    private static async Task<double> BareAsync(AgentHost node, int count)
    {
        node.Write("template.yaml", Churn.Pod(node, "template", 20000));
        using BareRunc bare = new(node, await node.RunningAsync("template"));
        (string, string)[] containers = [.. Enumerable.Range(0, count).Select(_ => bare.Prepare())];
        long begun = Stopwatch.GetTimestamp();
        Parallel.ForEach(containers, new ParallelOptions { MaxDegreeOfParallelism = 2 }, container =>
        {
            bare.Start(container);
            bare.Remove(container);
        });
        double rate = count / Stopwatch.GetElapsedTime(begun).TotalMinutes;
        node.Remove("template.yaml");
        return rate;
    }
}
