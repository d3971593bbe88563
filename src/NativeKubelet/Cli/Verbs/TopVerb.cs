using System.Globalization;
using NativeKubelet.Api.Local;
using NativeKubelet.Cli.Streams;
using NativeKubelet.Cli.Top;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>top</c>: CPU and memory against limits; live on a terminal, a table elsewhere.</summary>
public sealed class TopVerb(CliConsole console, ConsoleEnds ends, Func<TopCapacity> capacity)
{
    private const int MostFrames = 120;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    public VerbSpec Spec => new(
        "top", "", "shows CPU and memory of node, pods and containers against their limits",
        [
            new("once", '1', null, "print a table and leave, on a terminal too"),
            VerbSpec.Namespace,
            VerbSpec.Output,
            VerbSpec.RunDirectory,
        ],
        RunAsync);

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        AgentClient agent = AgentClient.For(call);
        if (call.Has("output"))
        {
            JsonOutput.Print(await agent.SendAsync("GET", "/v1/usage", cancel), call, console.Out);
            return 0;
        }
        TopFrame first = await LookAsync(agent, call, cancel);
        if (console.Size() is not null && !call.Has("once")) return await LiveAsync(agent, call, first, cancel);
        PrintTable(first);
        return 0;
    }

    private async Task<int> LiveAsync(AgentClient agent, VerbCall call, TopFrame first, CancellationToken cancel)
    {
        List<TopFrame> history = [first];
        string? trouble = null;
        using LiveScreen screen = new(console, ends);
        // At least one frame: a key that was pressed before there was anything to see has seen nothing.
        do
        {
            Task resized = screen.Resized;
            if (console.Size() is { } size)
                screen.Paint(trouble is null ? TopScreen.Render(history, size) : [.. TopScreen.Render(history, size with { Rows = size.Rows - 1 }), CliConsole.Clean(trouble)]);
            Task period = Task.Delay(Period, console.Time, cancel);
            if (await Task.WhenAny(screen.Left, resized, period) != period) continue;
            await period;
            try
            {
                TopFrame now = await LookAsync(agent, call, cancel);
                // Samples come more slowly than looks: a round that is known already only brings its pods up to date.
                if (now.Usage.At == history[^1].Usage.At) history[^1] = now;
                else history.Add(now);
                if (history.Count > MostFrames) history.RemoveAt(0);
                trouble = null;
            }
            catch (VerbException e)
            {
                // An agent that is being replaced is back in a moment.
                trouble = e.Message;
            }
        }
        while (!screen.Left.IsCompleted);
        return await screen.Left;
    }

    private async Task<TopFrame> LookAsync(AgentClient agent, VerbCall call, CancellationToken cancel)
    {
        NodeDocument node = await agent.GetAsync("/v1/node", LocalJson.Default.NodeDocument, cancel);
        PodListDocument pods = await agent.GetAsync("/v1/pods", LocalJson.Default.PodListDocument, cancel);
        UsageDocument usage = await agent.GetAsync("/v1/usage", LocalJson.Default.UsageDocument, cancel);
        if (call.TryGet("namespace") is { } space) pods = pods with { Pods = [.. pods.Pods.Where(p => p.Namespace == space)] };
        return new(node, pods, usage, capacity());
    }

    private void PrintTable(TopFrame frame)
    {
        Table table = new("NAMESPACE", "POD", "CONTAINER", "CPU", "CPU LIMIT", "MEMORY", "MEMORY LIMIT", "PIDS");
        foreach ((PodDocument pod, _, IReadOnlyList<TopRow> containers) in TopRow.OfPods([frame]))
            foreach (TopRow row in containers)
                table.Add(
                    pod.Namespace, pod.Name, row.Name, Cpu(row.Cpu[^1]), Cpu(row.CpuLimit), Bytes(row.Memory[^1]), Bytes(row.MemoryLimit),
                    row.Pids?.ToString(CultureInfo.InvariantCulture) ?? "-");
        table.Print(console.Out);
        TopRow node = TopRow.OfNode([frame]);
        console.Out.WriteLine();
        console.Out.WriteLine(CliConsole.Clean($"node {node.Name}: CPU {Cpu(node.Cpu[^1])} of {Cpu(node.CpuLimit)}, memory {Bytes(node.Memory[^1])} of {Bytes(node.MemoryLimit)}"));
        console.Out.Flush();
    }

    private static string Cpu(double? millicores) => millicores is { } value ? Units.Cpu((long)(value * 1e6)) : "-";

    private static string Bytes(double? bytes) => bytes is { } value ? Units.Bytes((long)value) : "-";
}
