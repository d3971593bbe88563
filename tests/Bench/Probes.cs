using System.Diagnostics;
using k8s.Models;
using NativeKubelet.Core.Probes;
using NativeKubelet.Probes;
using NativeKubelet.Runtime;
using NativeKubelet.Tests.Node.Containers;
using static NativeKubelet.Tests.Bench.Figures;

namespace NativeKubelet.Tests.Bench;

/// <summary>What a probe costs: a command against bare <c>runc exec true</c> in the same container, and a socket in CPU.</summary>
public static class Probes
{
    private const int Commands = 40, Sockets = 3000, Warm = 300, Port = 18479;

    public static async Task RunAsync(Figures figures)
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

        using Process target = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["serve", $"{Port}"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await target.StandardOutput.ReadLineAsync();
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

    private static async Task SucceedAsync(ProbeRunner runner, V1Probe probe, ProbeSubject subject)
    {
        ProbeOutcome outcome = await runner.RunAsync(probe, ProbeRule.Of(ProbeKind.Liveness, probe), subject, CancellationToken.None);
        if (outcome.Result != ProbeResult.Success) throw new InvalidOperationException($"the probe was to succeed: {outcome}");
    }
}
