using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Eviction;
using NativeKubelet.Core.Pods;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Status;

namespace NativeKubelet.Pods;

/// <summary>
/// Evicts pods that take more of the node's disk than their limits allow. Without such a pod it sleeps; a round runs on a thread of
/// its own, and the longer one took, the longer is the rest after it.
/// </summary>
internal sealed partial class LocalStorageEviction(
    PodWorkers workers, IContainerRuntime runtime, StatusBoard board, LocalStorageMeter meter, TimeProvider time, ILogger<LocalStorageEviction> log)
{
    /// <summary>The original's eviction manager looks that often.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    /// <summary>At most this share of the time is spent measuring, however large the directories.</summary>
    private const int RestPerLook = 9;

    public async Task RunAsync(CancellationToken cancel)
    {
        TimeSpan rest = Period;
        while (true)
        {
            BoardSnapshot now = board.Now;
            if (!Limited(now).Any())
            {
                await board.NextAsync(now.Version, cancel);
                continue;
            }
            await Task.Delay(rest, time, cancel);
            long begun = time.GetTimestamp();
            // Nobody waits at the end of the agent for a disk that does not answer.
            await Task.Factory.StartNew(() => Look(cancel), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).WaitAsync(cancel);
            TimeSpan earned = time.GetElapsedTime(begun) * RestPerLook;
            rest = earned > Period ? earned : Period;
        }
    }

    private void Look(CancellationToken cancel)
    {
        foreach ((V1Pod pod, LocalStorageLimits limits) in Limited(board.Now))
            try
            {
                ContainerState[] running = [.. runtime.Sandboxes.Where(s => s.PodUid == pod.Metadata.Uid).SelectMany(s => s.Containers).Where(c => c.Phase == ContainerPhase.Running)];
                LocalStorageUse use = meter.Measure(pod, limits, running, cancel);
                if (!cancel.IsCancellationRequested && limits.Judge(use) is { } failure) workers.Evict(pod.Metadata.Uid, failure);
            }
            catch (Exception e) when (e is ErrnoException or IOException)
            {
                NotMeasured(PodMessages.Format(pod), e.Message);
            }
    }

    private static IEnumerable<(V1Pod Pod, LocalStorageLimits Limits)> Limited(BoardSnapshot board)
    {
        foreach (PodView view in board.Pods.Values)
            if (!view.Status.IsTerminal && LimitsOf(view.Pod) is { } limits) yield return (view.Pod, limits);
    }

    private static LocalStorageLimits? LimitsOf(V1Pod pod)
    {
        try
        {
            return LocalStorageLimits.Of(pod);
        }
        catch (FormatException)
        {
            return null;    // its containers wait with these words, and none of them runs
        }
    }

    [LoggerMessage(LogLevel.Warning, "LocalStorageNotMeasured pod={Pod}: {Cause}; it is tried again")]
    private partial void NotMeasured(string pod, string cause);
}
