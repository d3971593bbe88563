using System.Collections.Immutable;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Cluster;
using NativeKubelet.Core.Events;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Resources;
using NativeKubelet.Resize;
using NativeKubelet.Runtime;
using NativeKubelet.Sources;
using NativeKubelet.Status;

namespace NativeKubelet.Pods;

/// <summary>
/// What all sources together want on this node: merges their sets, admits each new pod once, and hands it to the workers.
/// Nothing that an earlier agent left is ended before every source has named its pods.
/// </summary>
/// <param name="facts">What admission judges by now.</param>
/// <param name="resourceFit">NodeAllocatable.Fit, usually.</param>
public sealed partial class DesiredPods(
    ImmutableArray<IPodSource> sources,
    IContainerRuntime runtime,
    PodWorkers workers,
    PodCleanup cleanup,
    StandaloneObjects objects,
    StatusBoard board,
    PodEvents events,
    NodeProfile node,
    LimitSettings limits,
    Func<NodeFacts> facts,
    Func<V1Pod, IReadOnlyCollection<V1Pod>, AdmissionRefusal?> resourceFit,
    LoopTurns turns,
    RuntimePaths paths,
    TimeProvider time,
    ILoggerFactory logs)
{
    /// <summary>How often a resize is asked for again though nothing of the node's pods changed.</summary>
    private static readonly TimeSpan ResizeRest = TimeSpan.FromMinutes(3);

    private static readonly TimeSpan SourceRest = TimeSpan.FromSeconds(10);

    private readonly ILogger _log = logs.CreateLogger<DesiredPods>();
    private readonly WakeUp _deferred = new();

    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ImmutableDictionary<string, PodSet> _sets = ImmutableDictionary<string, PodSet>.Empty;   // by source, swapped under _gate

    // Under _gate.
    private readonly Dictionary<string, SourceMerge> _merges = [];
    private readonly HashSet<string> _refused = [];
    private readonly Allocations _allocations = new(new AllocationFile(paths), runtime, events, limits, time, logs.CreateLogger<Allocations>());
    private HashSet<string> _told = [];

    /// <summary>What is wrong with the sources' manifests now.</summary>
    public ImmutableArray<ManifestProblem> ManifestProblems =>
        [.. Volatile.Read(ref _sets).OrderBy(s => s.Key, StringComparer.Ordinal).SelectMany(s => s.Value.Problems), .. objects.Problems];

    /// <summary>Completes when every source has named its pods for the first time, and they were handed on.</summary>
    public Task Complete => _complete.Task;

    /// <summary>Runs the sources until cancelled; the pods run on.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        if (sources.IsEmpty) _complete.TrySetResult();
        await Task.WhenAll([CleanUpAsync(cancel), RetryResizesAsync(cancel), .. sources.SelectMany(s => (Task[])[RunAsync(s, cancel), ReadAsync(s, cancel)])]);
    }

    private async Task RunAsync(IPodSource source, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await source.RunAsync(cancel);
                return;
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                SourceFailed(e, source.Name);
                await Task.Delay(SourceRest, time, cancel);
            }
        }
    }

    private async Task ReadAsync(IPodSource source, CancellationToken cancel)
    {
        LoopTurns.Loop loop = turns.Add($"pods of source {source.Name}");
        await foreach (PodSet set in source.Sets.ReadAllAsync(cancel))
        {
            loop.Begin();
            Deliver(set);
            loop.End();
        }
    }

    private async Task CleanUpAsync(CancellationToken cancel)
    {
        await _complete.Task.WaitAsync(cancel);
        HashSet<string> named;
        lock (_gate) named = [.. _allocations.Uids, .. _refused];
        try
        {
            await cleanup.RunAsync(named, cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            CleanupFailed(e);
        }
    }

    private void Deliver(PodSet set)
    {
        lock (_gate)
        {
            // Before the pods: those that refer to them find them.
            objects.Deliver(set.Source, set.Objects);
            SourceMerge merge = _merges.GetValueOrDefault(set.Source) ?? new SourceMerge(set.Source, SameSpec);
            (_merges[set.Source], PodChanges changes) = merge.Deliver(set.Pods);
            Volatile.Write(ref _sets, _sets.SetItem(set.Source, set));
            TellProblems(changes.Duplicates);

            foreach (V1Pod pod in changes.Removed) Remove(pod);
            foreach (V1Pod pod in AdmissionOrder(changes.Added)) Add(pod);
            foreach (V1Pod pod in changes.Updated) Update(pod);
            if (sources.All(s => s.Ready && _sets.ContainsKey(s.Name))) _complete.TrySetResult();
            DecideResizes();
        }
    }

    /// <summary>What runs already was admitted by an earlier agent and comes first; then the oldest.</summary>
    private IEnumerable<V1Pod> AdmissionOrder(ImmutableArray<V1Pod> added) =>
        added.OrderBy(p => Runs(p) ? 0 : 1).ThenBy(p => p.Metadata.CreationTimestamp);

    private void Add(V1Pod pod)
    {
        V1Pod granted = _allocations.Recall(pod);
        if (pod.Metadata.DeletionTimestamp is not null)
        {
            // Nobody asks whether there is room for what is to end; whatever is left of it must go.
            Admit(pod, granted);
            Delete(pod);
            return;
        }
        if (HasFinished(pod))
        {
            _refused.Add(pod.Metadata.Uid);
            return;
        }
        // An agent that starts anew must not end what runs: only a pod that does not run yet can be refused.
        if (!Runs(pod) && Judge(granted) is { } refusal)
        {
            _refused.Add(pod.Metadata.Uid);
            events.Warning(pod, refusal.Reason, refusal.Message);
            StatusFacts told = new(node.Ips, QosClasses.Of(pod).ToString());
            board.Publish(new(pod, PodStatusBuilder.Rejected(pod, refusal, told, time.GetUtcNow())) { Released = true });
            return;
        }
        Admit(pod, granted);
    }

    private void Admit(V1Pod pod, V1Pod granted)
    {
        _allocations.Admit(pod, granted);
        SetWorker(pod.Metadata.Uid);
    }

    private void SetWorker(string uid)
    {
        (V1Pod pod, ResizeOutlook? resize) = _allocations.Of(uid);
        workers.Set(pod, resize);
    }

    private AdmissionRefusal? Judge(V1Pod pod) =>
        Admission.Check(pod, [.. _allocations.Granted.Where(p => p.Metadata.Uid != pod.Metadata.Uid && !Finished(p))], facts(), Fit);

    /// <summary>Not before all pods are known that have a part of the node.</summary>
    private void DecideResizes()
    {
        if (!_complete.Task.IsCompleted) return;
        _allocations.Decide(Finished, Judge, workers.Set);
        if (_allocations.AnyDeferred) _deferred.Ring();
    }

    /// <summary>A wish that had to wait is looked at again whenever a pod's status changes: others end, or give back.</summary>
    private async Task RetryResizesAsync(CancellationToken cancel)
    {
        while (true)
        {
            await _deferred.Rung.WaitAsync(cancel);
            _deferred.Reset();
            long seen = board.Now.Version;
            lock (_gate) DecideResizes();
            using CancellationTokenSource rest = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            await board.NextOrAsync(seen, Task.Delay(ResizeRest, time, rest.Token), cancel);
            await rest.CancelAsync();
        }
    }

    private void Update(V1Pod pod)
    {
        if (pod.Metadata.DeletionTimestamp is null)
        {
            if (!_allocations.Update(pod)) return;
            // Before its worker hears of the new spec, so that its status never tells of one and not of the other.
            DecideResizes();
            SetWorker(pod.Metadata.Uid);
        }
        else if (_refused.Remove(pod.Metadata.Uid)) Add(pod);
        else
        {
            _allocations.Update(pod);
            Delete(pod);
        }
    }

    private void Delete(V1Pod pod) => workers.Stop(
        pod.Metadata.Uid, new(StopCause.Deleted, pod.Metadata.DeletionGracePeriodSeconds is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, int.MaxValue)) : null));

    private static bool HasFinished(V1Pod pod) => !StaticPodIdentity.IsStatic(pod) && PodPhases.IsFinal(pod);

    private void Remove(V1Pod pod)
    {
        _allocations.Forget(pod.Metadata.Uid);
        if (_refused.Remove(pod.Metadata.Uid)) board.Remove(pod.Metadata.Uid);
        else workers.Stop(pod.Metadata.Uid, new(StopCause.Removed));
    }

    private AdmissionRefusal? Fit(V1Pod pod, IReadOnlyCollection<V1Pod> others)
    {
        try
        {
            return resourceFit(pod, others);
        }
        catch (FormatException e)
        {
            return new("UnexpectedAdmissionError", $"Allocate failed due to {e.Message}, which is unexpected");
        }
    }

    private bool Runs(V1Pod pod) => runtime.Sandboxes.Any(s => s.PodUid == pod.Metadata.Uid && s.Ready);

    private bool Finished(V1Pod pod) => board.Now.Pods.TryGetValue(pod.Metadata.Uid, out PodView? view) && view.Status.IsTerminal;

    /// <summary>Everything wrong is told once, as long as it stays wrong.</summary>
    private void TellProblems(ImmutableArray<DuplicatePod> duplicates)
    {
        HashSet<string> now = [];
        foreach (ManifestProblem problem in ManifestProblems)
        {
            string text = problem.ToString();
            if (!now.Add(text) || _told.Contains(text)) continue;
            ManifestProblem(problem.Severity, text);
            events.NodeWarning(node.Facts.Name, problem.Severity == ProblemSeverity.Error ? EventReasons.FailedValidation : "FieldWithoutEffect", text);
        }
        foreach (DuplicatePod duplicate in duplicates)
            if (now.Add(duplicate.Message) && !_told.Contains(duplicate.Message))
                events.Warning(duplicate.Pod, EventReasons.FailedValidation, duplicate.Message);
        _told = now;
    }

    private static bool SameSpec(V1PodSpec a, V1PodSpec b) => ReferenceEquals(a, b) || Text(a).AsSpan().SequenceEqual(Text(b));

    // The models compare by reference; their JSON says what they say. Only a pod that was listed again pays for it.
    private static byte[] Text(V1PodSpec spec) => KubernetesJson.Write(new V1Pod { Spec = spec });

    [LoggerMessage(LogLevel.Error, "PodSourceFailed source={Source}; it starts anew in 10 s")]
    private partial void SourceFailed(Exception fault, string source);

    [LoggerMessage(LogLevel.Error, "PodCleanupFailed")]
    private partial void CleanupFailed(Exception fault);

    [LoggerMessage(LogLevel.Warning, "ManifestProblem severity={Severity}: {Problem}")]
    private partial void ManifestProblem(ProblemSeverity severity, string problem);
}
