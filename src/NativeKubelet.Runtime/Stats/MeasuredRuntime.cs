using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading.Channels;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Runtime.Stats;

/// <summary>
/// The runtime as the pod workers see it, each call counted and timed. A container's start is two operations, which the runtime tells
/// apart itself: <paramref name="operations"/> holds them too.
/// </summary>
public sealed class MeasuredRuntime(IContainerRuntime runtime, RuntimeOperations operations) : IContainerRuntime
{
    private readonly HistogramFamily _sandboxes = new(
        "kubelet_run_podsandbox_duration_seconds", "[ALPHA] Duration in seconds of the run_podsandbox operations. Broken down by RuntimeClass.Handler.", Buckets.Usual, "runtime_handler");
    private readonly CounterFamily _failedSandboxes = new(
        "kubelet_run_podsandbox_errors_total", "[ALPHA] Cumulative number of the run_podsandbox operation errors by RuntimeClass.Handler.", "runtime_handler");

    public ImmutableArray<SandboxState> Sandboxes => runtime.Sandboxes;

    public ChannelReader<RuntimeEvent> Events => runtime.Events;

    public async Task<SandboxState> CreateSandboxAsync(SandboxSpec spec, CancellationToken cancel)
    {
        long begun = Stopwatch.GetTimestamp();
        try
        {
            return await MeasureAsync("run_podsandbox", () => runtime.CreateSandboxAsync(spec, cancel));
        }
        catch
        {
            _failedSandboxes.Increment(spec.Handler);
            throw;
        }
        finally
        {
            _sandboxes.Of(spec.Handler).Observe(Stopwatch.GetElapsedTime(begun));
        }
    }

    public bool IsWhole(string sandboxId) => runtime.IsWhole(sandboxId);

    public Task StopSandboxAsync(string sandboxId, CancellationToken cancel) => MeasureAsync("stop_podsandbox", () => runtime.StopSandboxAsync(sandboxId, cancel));

    public Task RemoveSandboxAsync(string sandboxId, CancellationToken cancel) => MeasureAsync("remove_podsandbox", () => runtime.RemoveSandboxAsync(sandboxId, cancel));

    public Task<ContainerState> StartContainerAsync(ContainerStart start, CancellationToken cancel) => runtime.StartContainerAsync(start, cancel);

    public Task StopContainerAsync(string containerId, TimeSpan grace, CancellationToken cancel) => MeasureAsync("stop_container", () => runtime.StopContainerAsync(containerId, grace, cancel));

    public Task EndOfAsync(string containerId) => runtime.EndOfAsync(containerId);

    public Task RemoveContainerAsync(string containerId, CancellationToken cancel) => MeasureAsync("remove_container", () => runtime.RemoveContainerAsync(containerId, cancel));

    public void Supersede(IReadOnlyCollection<string> containerIds) => runtime.Supersede(containerIds);

    public Task ResizeAsync(PodResize resize, CancellationToken cancel) => MeasureAsync("update_container", () => runtime.ResizeAsync(resize, cancel));

    public async Task<ExecSession> ExecAsync(ExecStart start, CancellationToken cancel)
    {
        if (!start.ToItsEnd) return await MeasureAsync("exec", () => runtime.ExecAsync(start, cancel));
        RuntimeOperations.Running running = operations.Begin("exec_sync");
        try
        {
            ExecSession session = await runtime.ExecAsync(start, cancel);
            running.Succeed();
            _ = session.Exit.ContinueWith(_ => running.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return session;
        }
        catch
        {
            running.Dispose();
            throw;
        }
    }

    public Task<AttachSession> AttachAsync(AttachStart start, CancellationToken cancel) => MeasureAsync("attach", () => runtime.AttachAsync(start, cancel));

    public Task<Socket> DialAsync(string sandboxId, int port, CancellationToken cancel) => MeasureAsync("port_forward", () => runtime.DialAsync(sandboxId, port, cancel));

    public void Write(MetricText to)
    {
        operations.Write(to);
        _sandboxes.Write(to);
        _failedSandboxes.Write(to);
    }

    private async Task MeasureAsync(string name, Func<Task> work)
    {
        using RuntimeOperations.Running running = operations.Begin(name);
        await work();
        running.Succeed();
    }

    private async Task<T> MeasureAsync<T>(string name, Func<Task<T>> work)
    {
        using RuntimeOperations.Running running = operations.Begin(name);
        T result = await work();
        running.Succeed();
        return result;
    }
}
