using System.Diagnostics;
using System.Globalization;
using NativeKubelet.Api.Local;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Images;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>What it costs to carry a container's output into its log, against conmon's pump writing the same format.</summary>
public static class LogPump
{
    private const long Bytes = 400L << 20;
    private static readonly string Flood = $"yes {new string('x', 99)} | head -c {Bytes}; echo done >/bench/up; sleep 100000";

    public static async Task RunAsync(Figures figures)
    {
        await using AgentHost node = new();
        await node.StartAsync();
        using FirstInstruction up = new(node["bench"]);
        node.Write("flood.yaml", up.Pod("flood", "read word </bench/go; " + Flood));
        Tool.Run("/usr/bin/mkfifo", Path.Combine(up.DirectoryPath, "go"));
        up.Wait(1);
        PodDocument pod = await node.RunningAsync("flood");
        int holder = node.Processes().Single(p => File.ReadAllText($"/proc/{p}/comm").Trim() == "nk-holder");
        double before = Costs.OfOneThread(holder);
        await File.WriteAllTextAsync(Path.Combine(up.DirectoryPath, "go"), "word\n");
        up.Wait(1);
        double here = Bytes / 1e6 / (Costs.OfOneThread(holder) - before);

        double? there = File.Exists("/usr/bin/conmon") ? Conmon(node, up, pod) : null;
        figures.Add(new("log pump, MB per CPU second (lines of 100 bytes)", here.ToString("0", CultureInfo.InvariantCulture),
            there is { } theirs ? $"conmon {theirs:0}: {Ratio(here, theirs)}" : "conmon is not installed", "≥ conmon", there is { } floor ? here >= floor : null));
    }

    private static double Conmon(AgentHost node, FirstInstruction up, PodDocument pod)
    {
        using BareRunc bare = new(node, pod);
        (string id, string bundle) = bare.Prepare();
        string pidFile = node["conmon.pid"];
        ProcessStartInfo start = new("conmon",
        [
            "--runtime", "/usr/sbin/runc", "--runtime-arg", $"--root={node["bare-state"]}", "--bundle", bundle, "--cid", id, "--cuuid", id,
            "--container-pidfile", node["container.pid"], "--conmon-pidfile", pidFile, "--log-path", $"k8s-file:{node["conmon.log"]}", "--log-size-max", "10485760",
            "--exit-dir", node["bench"], "--socket-dir-path", node["bench"],
        ]);
        using (Process conmon = Process.Start(start)!) conmon.WaitForExit();
        // Its starter ends before the container is made; the pid file tells when it is.
        while (!File.Exists(node["container.pid"])) Thread.Sleep(10);
        Tool.Run("/usr/sbin/runc", "--root", node["bare-state"], "start", id);
        up.Wait(1);
        int pid = int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture);
        double before = Costs.OfOneThread(pid);
        File.WriteAllText(Path.Combine(up.DirectoryPath, "go"), "word\n");
        up.Wait(1);
        double rate = Bytes / 1e6 / (Costs.OfOneThread(pid) - before);
        bare.Remove((id, bundle));
        return rate;
    }
}
