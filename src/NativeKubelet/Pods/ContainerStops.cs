using k8s.Models;
using NativeKubelet.Core.Events;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;
using NativeKubelet.Probes;
using NativeKubelet.Runtime;

namespace NativeKubelet.Pods;

/// <summary>
/// The one way in which containers are made to end. All of a pod begin at once; a sidecar's stop signal waits for its turn,
/// as long as its grace lasts.
/// </summary>
internal sealed class ContainerStops(IContainerRuntime runtime, HookRunner hooks, NodeProfile node, PodEvents events, TimeProvider time)
{
    /// <returns>When all have ended.</returns>
    /// <exception cref="RuntimeException">One of them does not end.</exception>
    public async Task RunAsync(ValueList<ContainerStop> stops, V1Pod pod, CancellationToken cancel)
    {
        List<(int Turn, Task Ended)> under = [];
        foreach (ContainerStop stop in stops.OrderBy(s => s.Turn))
        {
            List<Task> before = [.. under.Where(o => o.Turn != ContainerStop.NoTurn && o.Turn < stop.Turn).Select(o => o.Ended)];
            under.Add((stop.Turn, StopAsync(stop, before, pod, cancel)));
        }
        await Task.WhenAll(under.Select(o => o.Ended));
    }

    private async Task StopAsync(ContainerStop stop, List<Task> before, V1Pod pod, CancellationToken cancel)
    {
        events.Normal(pod, EventReasons.Killing, stop.Message, stop.Container);
        TimeSpan left = stop.Grace;
        if (left > TimeSpan.Zero && Subject(stop, pod) is { Container.Lifecycle.PreStop: { } hook } subject) left = await HookAsync(hook, pod, subject, left, cancel);
        if (before.Count > 0) left = await WaitTurnAsync(before, left, cancel);
        await runtime.StopContainerAsync(stop.Id, StopGrace.ForSignal(left), cancel);
    }

    /// <returns>The container while it runs: one that has ended by itself is not told that it will.</returns>
    private ProbeSubject? Subject(ContainerStop stop, V1Pod pod)
    {
        V1Container? spec = PodResources.AllContainers(pod.Spec).FirstOrDefault(c => c.Name == stop.Container);
        bool runs = runtime.Sandboxes.Any(s => s.Containers.Any(c => c.Id == stop.Id && c.Phase == ContainerPhase.Running));
        return spec is not null && runs ? new(spec, stop.Id, ProbeSubject.IpOf(pod, stop.Id, runtime.Sandboxes, node)) : null;
    }

    /// <returns>What is left of the grace; a hook that takes all of it is given up.</returns>
    private async Task<TimeSpan> HookAsync(V1LifecycleHandler hook, V1Pod pod, ProbeSubject subject, TimeSpan left, CancellationToken cancel)
    {
        long begun = time.GetTimestamp();
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await using ITimer timer = time.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), over, left, Timeout.InfiniteTimeSpan);
        try
        {
            if (await hooks.RunAsync(hook, pod, subject, over.Token) is not null)
                events.Warning(pod, EventReasons.FailedPreStopHook, EventMessages.PreStopHookFailed, subject.Container.Name);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return TimeSpan.Zero;
        }
        return StopGrace.Left(left, time.GetElapsedTime(begun));
    }

    /// <returns>What is left of the grace.</returns>
    private async Task<TimeSpan> WaitTurnAsync(List<Task> before, TimeSpan left, CancellationToken cancel)
    {
        long begun = time.GetTimestamp();
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // One that cannot be ended does not keep the others waiting for ever; its own failure is told by its own task.
        await Task.WhenAny(Task.WhenAll(before), Task.Delay(left, time, over.Token));
        await over.CancelAsync();
        cancel.ThrowIfCancellationRequested();
        return StopGrace.Left(left, time.GetElapsedTime(begun));
    }
}
