using System.Globalization;
using NativeKubelet.Tests.Bench;
using NativeKubelet.Tests.Node;

// bench [quick | NAME…]. Figures are for this machine and this hour; the ratios, taken in turns in one run, carry.
if (args is ["serve", var port]) return await ProbeTarget.ServeAsync(int.Parse(port, CultureInfo.InvariantCulture));
if (Environment.GetEnvironmentVariable(TestTag.Variable) is null) return await Supervisor.RunAsync(args);

Dictionary<string, Func<Figures, bool, Task>> all = new()
{
    ["size"] = (figures, _) => ProgramSize.RunAsync(figures),
    ["starts"] = Starts.RunAsync,
    ["probes"] = Probes.RunAsync,
    ["peers"] = Peers.RunAsync,
    ["logs"] = (figures, _) => LogPump.RunAsync(figures),
    ["footprint"] = Footprint.RunAsync,
    ["churn"] = ChurnRate.RunAsync,
    ["cluster"] = Joined.RunAsync,
    ["kills"] = (figures, _) => Kills.RunAsync(figures),
};
string[] names = args.Length > 0 ? args : [.. all.Keys];
bool quick = names.Contains("quick");
if (quick) names = names.Length > 1 ? [.. names.Where(n => n != "quick")] : ["size", "starts", "footprint"];
if (names.FirstOrDefault(n => !all.ContainsKey(n)) is { } unknown)
{
    Console.Error.WriteLine($"bench: no such part: {unknown}; there are {string.Join(", ", all.Keys)}, and quick");
    return 2;
}
Figures figures = new(Console.Out);
figures.Heading();
foreach (string name in names) await figures.PartAsync(name, () => all[name](figures, quick));
return figures.Conclude();
