using System.Diagnostics;
using k8s.Models;
using NativeKubelet.Core.Probes;
using NativeKubelet.Probes;
using NativeKubelet.Runtime;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Containers;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>What a probe costs: a command against bare <c>runc exec true</c> in the same container, and a socket in CPU.</summary>
public static class Probes
{
    private const int Commands = 40, Sockets = 3000, Warm = 300, Port = 18479;
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(60);

    public static async Task RunAsync(Figures figures, bool quick)
    {
        using Process target = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["serve", $"{Port}"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await target.StandardOutput.ReadLineAsync();
        await EachAsync(figures);
        await ByPodsAsync(figures, quick ? [10] : [100, 300]);
    }

    private static async Task EachAsync(Figures figures)
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, _, ContainerState container) = await host.RunAsync("sleep 100000");
        ProbeRunner runner = new(host.Runtime, TimeProvider.System);
        ProbeSubject subject = new(new V1Container { Name = "main" }, container.Id, "127.0.0.1");

        V1Probe command = new() { Exec = new V1ExecAction { Command = ["true"] }, TimeoutSeconds = 10 };
        List<double> ours = [], floors = [];
        for (int i = 0; i < Commands; i++)
        {
            // In turns, so that a noisy minute is noisy for both.
            long begun = Stopwatch.GetTimestamp();
            using (Process bare = Process.Start("/usr/sbin/runc", ["--root", host.Paths.RuncState, "exec", container.Id, "true"])) await bare.WaitForExitAsync();
            floors.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            begun = Stopwatch.GetTimestamp();
            await SucceedAsync(runner, command, subject);
            ours.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }
        double own = Median(ours), floor = Median(floors);
        figures.Add(new($"exec probe of true, p50 of {Commands}", Ms(own), $"runc exec true {Ms(floor)}: {Ratio(own, floor)}", "1.2 × runc exec true", own <= 1.2 * floor));

        await SocketAsync(figures, runner, subject, "tcp", new V1Probe { TcpSocket = new V1TCPSocketAction { Port = Port } });
        await SocketAsync(figures, runner, subject, "http", new V1Probe { HttpGet = new V1HTTPGetAction { Port = Port, Path = "/" } });
    }

    private static async Task SocketAsync(Figures figures, ProbeRunner runner, ProbeSubject subject, string name, V1Probe probe)
    {
        for (int i = 0; i < Warm; i++) await SucceedAsync(runner, probe, subject);
        TimeSpan before = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < Sockets; i++) await SucceedAsync(runner, probe, subject);
        double each = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds / Sockets;
        figures.Add(new($"{name} probe, CPU of the agent", $"{each:0.000} ms", "", "0.1 ms", each <= 0.1));
    }

    /// <summary>What the agent itself takes for them, with all else that it does.</summary>
    private static async Task ByPodsAsync(Figures figures, int[] counts)
    {
        await using AgentHost node = new();
        File.AppendAllText(node["config.yaml"], "\nmaxPods: 400\n");      // a node admits 110 by itself
        await node.StartAsync();
        int running = 0;
        foreach (int count in counts)
        {
            for (; running < count; running++) node.Write($"probed{running}.yaml", Probed(running));
            await node.PodsAsync(pods => pods.Count(p => p.Status == "Running" && p.Ready == 1) == count, 300);
            await Task.Delay(Footprint.Settle);
            double before = Costs.Cpu(node.Pid);
            long begun = Stopwatch.GetTimestamp();
            await Task.Delay(Watched);
            double used = (Costs.Cpu(node.Pid) - before) / Stopwatch.GetElapsedTime(begun).TotalSeconds, each = used * 1000 / count;
            figures.Add(new($"CPU of the agent at {count} pods, each asked once a second, by tcp or http: of one core (a probe)", $"{used * 100:0.0} % ({each:0.000} ms)", "", "0.1 ms", each <= 0.1));
        }
    }

    private static string Probed(int number)
    {
        string handler = number % 2 == 0 ? $"tcpSocket: {{host: 127.0.0.1, port: {Port}}}" : $"httpGet: {{host: 127.0.0.1, port: {Port}}}";
        return AgentHost.Pod($"probed{number}", "trap exit TERM; sleep 100000 & wait").Replace("{name: main,", $"{{name: main, readinessProbe: {{{handler}, periodSeconds: 1}},", StringComparison.Ordinal);
    }

    private static async Task SucceedAsync(ProbeRunner runner, V1Probe probe, ProbeSubject subject)
    {
        ProbeOutcome outcome = await runner.RunAsync(probe, ProbeRule.Of(ProbeKind.Liveness, probe), subject, CancellationToken.None);
        if (outcome.Result != ProbeResult.Success) throw new InvalidOperationException($"the probe was to succeed: {outcome}");
    }
}
