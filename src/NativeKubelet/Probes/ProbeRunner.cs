using System.Net.Sockets;
using k8s.Models;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Probes;
using NativeKubelet.Pods;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Streams;

namespace NativeKubelet.Probes;

/// <summary>What is probed.</summary>
/// <param name="PodIp">Where its servers listen, seen from the host.</param>
internal sealed record ProbeSubject(V1Container Container, string ContainerId, string PodIp)
{
    private const string Loopback = "127.0.0.1";

    /// <summary>The pod's own address, or the node's where the pod is on the node's network.</summary>
    public static string IpOf(V1Pod pod, string containerId, IEnumerable<SandboxState> sandboxes, NodeProfile node) =>
        pod.Spec.HostNetwork == true ? node.Ips is [var first, ..] ? first : Loopback
        : sandboxes.FirstOrDefault(s => s.Containers.Any(c => c.Id == containerId)) is { Ips: [var ip, ..] } ? ip : Loopback;
}

/// <summary>Carries out one probe (spec 31 §3): what it found out, within its time.</summary>
internal sealed class ProbeRunner(IContainerRuntime runtime, TimeProvider time)
{
    /// <summary>An attempt that found nothing out is repeated at once, so often.</summary>
    private const int Tries = 3;

    public async Task<ProbeOutcome> RunAsync(V1Probe probe, ProbeRule rule, ProbeSubject subject, CancellationToken cancel)
    {
        ProbeOutcome outcome = ProbeOutcome.Error("");
        for (int i = 0; i < Tries; i++)
        {
            try
            {
                outcome = await TryAsync(probe, rule, subject, cancel);
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                outcome = ProbeOutcome.Error(e.Message);     // what the agent cannot do is not the container's fault
            }
            if (outcome.Result != ProbeResult.Error) break;
        }
        return outcome;
    }

    private async Task<ProbeOutcome> TryAsync(V1Probe probe, ProbeRule rule, ProbeSubject subject, CancellationToken cancel)
    {
        if (probe.Exec is { } exec) return await ExecAsync(exec, rule, subject, cancel);
        using CancellationTokenSource timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // Every clock of a probe is the injected one.
        await using ITimer timer = time.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), timeout, rule.Timeout, Timeout.InfiniteTimeSpan);
        try
        {
            return probe switch
            {
                { HttpGet: { } get } => await HttpAsync(get, subject, timeout.Token),
                { TcpSocket: { } tcp } => await TcpAsync(tcp, subject, timeout.Token),
                { Grpc: { } grpc } => await GrpcHealth.CheckAsync(subject.PodIp, grpc.Port, grpc.Service ?? "", rule.Timeout, timeout.Token),
                _ => ProbeOutcome.Error($"missing probe handler for container {subject.Container.Name}"),
            };
        }
        catch (FormatException e)
        {
            return ProbeOutcome.Error(e.Message);       // a port that cannot be resolved
        }
        finally
        {
            cancel.ThrowIfCancellationRequested();
        }
    }

    private async Task<ProbeOutcome> ExecAsync(V1ExecAction exec, ProbeRule rule, ProbeSubject subject, CancellationToken cancel)
    {
        // Only what the manifest itself gives as a value: no reference to anything that would have to be looked up.
        string[] command = [.. (exec.Command ?? []).Select(word => VariableExpansion.Expand(word, name =>
            subject.Container.Env?.LastOrDefault(e => e.Name == name && e.ValueFrom is null)?.Value))];
        try
        {
            CommandResult result = await ContainerCommand.RunAsync(runtime, subject.ContainerId, [.. command], ProbeOutcome.MostBytes, rule.Timeout, time, cancel);
            return result switch
            {
                { TimedOut: true } => ProbeOutcome.Failure($"command timed out: \"{string.Join(' ', command)}\" timed out after {GoDuration.Format(rule.Timeout)}"),
                { ExitCode: 0 } => ProbeOutcome.Success,
                _ => ProbeOutcome.Failure(result.Output),
            };
        }
        catch (RuntimeException e)
        {
            return ProbeOutcome.Error(e.Message);
        }
    }

    private static async Task<ProbeOutcome> TcpAsync(V1TCPSocketAction tcp, ProbeSubject subject, CancellationToken cancel)
    {
        string host = string.IsNullOrEmpty(tcp.Host) ? subject.PodIp : tcp.Host;
        int port = ProbePort.Resolve(tcp.Port, subject.Container);
        string authority = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
        try
        {
            using Socket socket = await ProbeSocket.ConnectAsync(host, port, cancel);
            return ProbeOutcome.Success;
        }
        catch (OperationCanceledException)
        {
            return ProbeOutcome.Failure($"dial tcp {authority}: i/o timeout");
        }
        catch (SocketException e)
        {
            return ProbeOutcome.Failure(ProbeSocket.Words(e, authority));
        }
    }

    private static async Task<ProbeOutcome> HttpAsync(V1HTTPGetAction asked, ProbeSubject subject, CancellationToken cancel)
    {
        HttpGet get = HttpGet.Of(asked, subject.Container, subject.PodIp, "kube-probe");
        try
        {
            HttpAnswer answer = await HttpExchange.FollowAsync(get, cancel);
            return answer switch
            {
                { IsRedirect: true } => new(ProbeResult.Warning, $"Probe terminated redirects, Response body: {answer.Body}"),
                { Status: >= 200 and < 400 } => ProbeOutcome.Success,
                _ => ProbeOutcome.Failure($"HTTP probe failed with statuscode: {answer.Status}"),
            };
        }
        catch (OperationCanceledException)
        {
            return ProbeOutcome.Failure($"Get \"{get.Url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
        }
        catch (HttpExchangeException e)
        {
            return ProbeOutcome.Failure($"Get \"{get.Url}\": {e.Message}");
        }
    }
}
