using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Tests.Node.Holder;

/// <summary>The budgets that a pod pays for whatever runs in it.</summary>
public sealed class BudgetTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Holder_and_pause_together_take_at_most_150_KB_while_a_container_runs()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        int pause = await host.PauseAsync(PauseNamespaces.Network | PauseNamespaces.Ipc | PauseNamespaces.Uts);
        await host.RunAsync("c1", "echo hello; sleep 1000");

        long alone = Pss(host.Holder.Process.Pid) + Pss(pause);
        List<HolderConnection> siblings = [];
        for (int i = 0; i < 9; i++) siblings.Add(await host.SiblingAsync(i));       // ten pods share one program
        long among = Pss(host.Holder.Process.Pid) + Pss(pause);
        foreach (HolderConnection sibling in siblings)
        {
            await sibling.QuitAsync(force: false, HolderHost.Deadline());
            await sibling.DisposeAsync();
        }

        output.WriteLine($"PSS of holder and pause: {alone} KB alone, {among} KB among ten");
        Assert.InRange(among, 1, 150);
    }

    [Fact]
    public async Task Where_huge_pages_are_on_for_everybody_the_holder_takes_none()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        int pause = await host.PauseAsync(PauseNamespaces.Ipc);

        foreach (int pid in (int[])[host.Holder.Process.Pid, pause])
        {
            // A mapping begins with its addresses and ends with its flags; "nh" is MADV_NOHUGEPAGE.
            int large = 0;
            string[] mappings = File.ReadAllText($"/proc/{pid}/smaps").Split("VmFlags:");
            for (int i = 0; i + 1 < mappings.Length; i++)
            {
                if (Regex.Match(mappings[i], @"Size: +(\d+) kB") is { Success: true } size && int.Parse(size.Groups[1].Value, CultureInfo.InvariantCulture) >= 2048)
                {
                    large++;
                    Assert.Contains(" nh", mappings[i + 1].Split('\n')[0], StringComparison.Ordinal);
                }
            }
            Assert.NotEqual(0, large);
        }
    }

    [Fact]
    public async Task The_pump_writes_a_flood_without_loss()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        const long bytes = 100 << 20, ceiling = 16 << 20;
        string line = new('x', 99);
        int pid = host.Holder.Process.Pid;
        await host.RunAsync("c1", $"yes {line} | head -c {bytes}", maxSize: ceiling, maxFiles: 2);

        await host.NextAsync<ContainerExited>();

        double seconds = CpuTicks(pid) / 100.0;
        output.WriteLine($"pumped {bytes / 1e6:F0} MB in {seconds:F2} CPU s of the holder: {bytes / 1e6 / seconds:F0} MB per CPU second");
        Assert.Equal(bytes / 100 % (ceiling / 140), new FileInfo(host.LogOf("c1")).Length / 140);
    }

    [Fact]
    public async Task A_start_through_the_holder_costs_little_more_than_the_runtime_alone()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        List<double> held = [], bare = [];
        for (int i = 0; i < 10; i++)
        {
            RunRequest request = await host.RequestAsync($"h{i}", ["/bin/true"]);
            long start = Stopwatch.GetTimestamp();
            await host.Holder.RunContainerAsync(request, HolderHost.Deadline());
            held.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);

            request = await host.RequestAsync($"b{i}", ["/bin/true"]);
            start = Stopwatch.GetTimestamp();
            await ToolRun.RunAsync(new SpawnRequest(request.Arguments[0], request.Arguments), default, 4096, TimeLimit.Of(20), default);
            bare.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        double median(List<double> values) => values.Order().ElementAt(values.Count / 2);
        output.WriteLine($"run: holder {median(held):F1} ms, runc alone {median(bare):F1} ms (median of 10)");
        Assert.InRange(median(held), 0, median(bare) * 1.5);
    }

    private static long Pss(int pid) =>
        long.Parse(File.ReadLines($"/proc/{pid}/smaps_rollup").Single(l => l.StartsWith("Pss:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);

    private static long CpuTicks(int pid)
    {
        string[] fields = File.ReadAllText($"/proc/{pid}/stat").Split(')')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(fields[11]) + long.Parse(fields[12]);
    }
}
