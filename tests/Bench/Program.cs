using NativeKubelet.Tests.Bench;
using NativeKubelet.Tests.Node.Agent;

// bench [starts] [footprint] [logs] [peers]: all by default. Figures are for this machine and this hour; the ratios carry.
HashSet<string> wanted = [.. args.Length == 0 ? ["size", "starts", "peers", "footprint", "logs"] : args];
Figures figures = new(Console.Out);
figures.Heading();
if (wanted.Contains("size"))
{
    long size = new FileInfo(ProgramFile.Path).Length;
    figures.Add(new("the program, one file", $"{size / 1e6:0.0} MB", "", "20 MB", size <= 20e6));
}
if (wanted.Contains("starts")) await Starts.RunAsync(figures);
if (wanted.Contains("peers")) await Peers.RunAsync(figures);
if (wanted.Contains("logs")) await LogPump.RunAsync(figures);
if (wanted.Contains("footprint")) await Footprint.RunAsync(figures, wanted.Contains("few") ? [0, 10] : [0, 10, 100, 300]);
