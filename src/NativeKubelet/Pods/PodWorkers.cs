using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Probes;
using NativeKubelet.Runtime;
using NativeKubelet.Status;

namespace NativeKubelet.Pods;

/// <summary>
/// One worker per pod UID. Static pods of one name follow each other: a changed manifest is a new UID, and its pod begins
/// when nothing is left of the old one. Disposing ends the workers and stops no pod.
/// </summary>
public sealed partial class PodWorkers : IAsyncDisposable
{
    /// <summary>What a pod that nobody asked for gets between its stop signals and SIGKILL.</summary>
    private static readonly TimeSpan OrphansGrace = TimeSpan.FromSeconds(1);

    private readonly WorkerTools _tools;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _life = new();
    private readonly Lock _gate = new();
    private readonly Pleg _pleg;
    private readonly WakeUp _weights = new();
    private ImmutableDictionary<string, Entry> _entries = ImmutableDictionary<string, Entry>.Empty;   // swapped under _gate
    private bool _ending;

    public PodWorkers(
        IContainerRuntime runtime, PodExecutor executor, StatusBoard board, PodEvents events, RuntimePaths paths, CrashBackoff backoff, NodeProfile node,
        PodMeasures measures, LoopTurns turns, TimeProvider time, ILoggerFactory loggers)
    {
        _log = loggers.CreateLogger<PodWorkers>();
        ProbeTools probes = new(new ProbeRunner(runtime, time), new VerdictFile(paths), new ProbeCounts(), events, time);
        _tools = new(runtime, executor, board, events, probes, new PodNote(paths), backoff, node, measures, time, loggers.CreateLogger<PodWorker>());
        _pleg = new Pleg(runtime, this, turns, time);
    }

    internal ProbeCounts ProbeCounts => _tools.Probes.Counts;

    internal RelistMeasures Relists => _pleg.Measures;

    /// <summary>The pods that are wanted here and not being ended.</summary>
    public ImmutableArray<V1Pod> Active => [.. Volatile.Read(ref _entries).Values.Select(e => e.Worker.Desired).Where(d => d.Stop is null).Select(d => d.Pod)];

    /// <summary>Carries the runtime's events to the workers until cancelled; then ends the workers and leaves the pods running.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task weighing = WeighAsync(ending.Token);
        try
        {
            await _pleg.RunAsync(cancel);
        }
        finally
        {
            await ending.CancelAsync();
            await weighing;
            await DisposeAsync();
        }
    }

    public bool Has(string uid) => Volatile.Read(ref _entries).ContainsKey(uid);

    /// <summary>The newest spec of a pod that may run here, with the resources that it was granted. One of a UID that is being ended begins when that is done.</summary>
    /// <param name="resize">Null for a pod that never asked for other resources than it has.</param>
    public void Set(V1Pod pod, ResizeOutlook? resize = null)
    {
        lock (_gate)
        {
            if (_ending) return;
            if (!_entries.TryGetValue(pod.Metadata.Uid, out Entry? entry)) Begin(pod, resize);
            else if (entry.Worker.Desired.Stop is not null) entry.Next = pod;
            else entry.Worker.Mail.Post(intent => intent.WithPod(pod, resize));
        }
        _weights.Ring();
    }

    /// <summary>Ends a pod for good.</summary>
    public void Stop(string uid, PodStop stop)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(uid, out Entry? entry)) return;
            entry.Next = null;
            entry.Worker.Mail.Post(intent => intent.WithStop(stop));
        }
        _weights.Ring();
    }

    /// <summary>Fails a pod for what it takes of the node.</summary>
    public void Evict(string uid, PodFailure failure)
    {
        if (Volatile.Read(ref _entries).TryGetValue(uid, out Entry? entry)) entry.Worker.Mail.Evict(failure);
    }

    /// <summary>Ends a pod that the runtime holds and no source names.</summary>
    public void StopOrphan(SandboxState sandbox)
    {
        lock (_gate)
            if (!_ending && !_entries.ContainsKey(sandbox.PodUid)) EndOrphan(sandbox);
    }

    /// <summary>Images came by another way than a pull of ours.</summary>
    public void ImagesCame()
    {
        foreach (Entry entry in Volatile.Read(ref _entries).Values) entry.Worker.Mail.ImagesCame();
    }

    /// <summary>Objects came, changed or went: the pods that refer to them look again.</summary>
    public void ObjectsChanged(ImmutableHashSet<ObjectKey> changed)
    {
        foreach (Entry entry in Volatile.Read(ref _entries).Values)
            if (PodReferences.Concerned(entry.Worker.Desired.Pod, changed)) entry.Worker.Mail.ObjectsChanged();
    }

    /// <summary>What the pod's mounted files show is to be had newer.</summary>
    public void FilesDue(string uid)
    {
        if (Volatile.Read(ref _entries).TryGetValue(uid, out Entry? entry)) entry.Worker.Mail.ObjectsChanged();
    }

    /// <summary>Takes all pods along and no new ones; returns when nothing of them is left.</summary>
    /// <param name="grace">Null: each pod's own.</param>
    public async Task StopAllAsync(StopCause cause, TimeSpan? grace, CancellationToken cancel)
    {
        List<Task> gone = [];
        lock (_gate)
        {
            _ending = true;
            foreach (Entry entry in _entries.Values)
            {
                entry.Next = null;
                entry.Worker.Mail.Post(intent => intent.WithStop(new(cause, grace)));
                gone.Add(entry.Worker.Gone);
            }
        }
        await Task.WhenAll(gone).WaitAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_gate)
        {
            if (_life.IsCancellationRequested) return;
            _ending = true;
            running = [.. _entries.Values.Select(e => e.Task)];
        }
        await _life.CancelAsync();
        await Task.WhenAll(running);
        _life.Dispose();
    }

    internal void Wake(string uid)
    {
        if (Volatile.Read(ref _entries).TryGetValue(uid, out Entry? entry)) entry.Worker.Mail.Ring();
    }

    /// <summary>Wakes those who have not seen what the runtime's snapshot shows.</summary>
    internal int WakeUnaware(ImmutableArray<SandboxState> sandboxes)
    {
        // Not needed to read them: who waits here in vain shows the health check that somebody holds the gate for good.
        lock (_gate) if (_ending) return 0;
        int woken = 0;
        foreach ((string uid, Entry entry) in Volatile.Read(ref _entries))
        {
            if (entry.Worker.HasSeen(PodObservation.Of(sandboxes, uid))) continue;
            entry.Worker.Mail.Ring();
            woken++;
        }
        return woken;
    }

    // Under _gate.
    private void Begin(V1Pod pod, ResizeOutlook? resize = null)
    {
        Task[] before = [];
        if (StaticPodIdentity.IsStatic(pod))
        {
            // Left behind by an agent that ended before it had replaced it: the name's new owner is known, so the old one goes.
            foreach (SandboxState sandbox in _tools.Runtime.Sandboxes)
                if (SameName(sandbox, pod) && !_entries.ContainsKey(sandbox.PodUid)) EndOrphan(sandbox);
            before = [.. _entries.Values.Where(e => e.Worker.FullName == PodMessages.FullName(pod)).Select(e => e.Worker.Gone)];
        }
        Launch(new(pod) { Resize = resize }, published: true, before);
    }

    private void EndOrphan(SandboxState sandbox)
    {
        V1Pod pod = new()
        {
            Metadata = new() { Name = sandbox.PodName, NamespaceProperty = sandbox.PodNamespace, Uid = sandbox.PodUid },
            Spec = new() { HostNetwork = sandbox.HostNetwork, RestartPolicy = "Never", Containers = [.. sandbox.Containers.Select(BeforeStop).OfType<V1Container>()] },
        };
        OrphanFound(PodMessages.Format(pod));
        _tools.Measures.Orphans.Increment();
        Launch(new(pod), published: false, []).Mail.Post(intent => intent.WithStop(new(StopCause.Orphaned, OrphansGrace)));
    }

    /// <summary>What a container asked for before its stop counts also when nothing else is known of its pod.</summary>
    private static V1Container? BeforeStop(ContainerState container)
    {
        if (container is not { Phase: ContainerPhase.Running, BeforeStop: { } json }) return null;
        try
        {
            return KubernetesJson.Read<V1Container>(Encoding.UTF8.GetBytes(json));
        }
        catch (JsonException)
        {
            return null;    // a record that somebody changed
        }
    }

    private PodWorker Launch(PodIntent desired, bool published, Task[] before)
    {
        PodWorker worker = new(desired, published, _tools);
        Entry entry = new(worker);
        Volatile.Write(ref _entries, _entries.SetItem(worker.Uid, entry));
        CancellationToken life = _life.Token;
        entry.Task = Task.Run(() => LifeAsync(entry, Task.WhenAll(before), life), CancellationToken.None);
        return worker;
    }

    private async Task LifeAsync(Entry entry, Task before, CancellationToken life)
    {
        await entry.Worker.RunAsync(before, life);
        if (!entry.Worker.Gone.IsCompleted) return;
        lock (_gate)
        {
            Volatile.Write(ref _entries, _entries.Remove(entry.Worker.Uid));
            if (entry.Next is { } again && !_ending)
            {
                _tools.Measures.Restarted.Increment(StaticPodIdentity.IsStatic(again) ? "true" : "");
                Begin(again);
            }
        }
        _weights.Ring();
    }

    /// <summary>Once for all changes since the last time.</summary>
    private async Task WeighAsync(CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                await _weights.Rung.WaitAsync(cancel);
                _weights.Reset();
                await _tools.Executor.WeighAsync(Active, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
    }

    private static bool SameName(SandboxState sandbox, V1Pod pod) =>
        sandbox.PodUid != pod.Metadata.Uid && sandbox.PodName == pod.Metadata.Name && sandbox.PodNamespace == pod.Metadata.NamespaceProperty;

    private sealed class Entry(PodWorker worker)
    {
        public PodWorker Worker { get; } = worker;

        public Task Task { get; set; } = Task.CompletedTask;

        /// <summary>The pod that begins under this UID when the present one has ended.</summary>
        public V1Pod? Next { get; set; }
    }

    [LoggerMessage(LogLevel.Information, "OrphanFound pod={Pod}: no source names it, so it is ended")]
    private partial void OrphanFound(string pod);
}
