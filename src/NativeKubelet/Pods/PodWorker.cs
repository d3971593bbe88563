using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Events;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Resources;
using NativeKubelet.Probes;
using NativeKubelet.Runtime;
using NativeKubelet.Status;

namespace NativeKubelet.Pods;

/// <summary>What every worker of a node shares.</summary>
internal sealed record WorkerTools(
    IContainerRuntime Runtime, PodExecutor Executor, StatusBoard Board, PodEvents Events, ProbeTools Probes, PodNote Notes, CrashBackoff Backoff, NodeProfile Node,
    PodMeasures Measures, TimeProvider Time,
    ILogger Log);

/// <summary>
/// The one loop that may touch one pod: it looks, decides, shows, and does one thing or sleeps. Others speak to it through its
/// mailbox. Ends when nothing is left of the pod, or when the agent ends; the pod then runs on.
/// </summary>
internal sealed partial class PodWorker
{
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(10);

    /// <summary>As often as the original looks at a pod's objects.</summary>
    private static readonly TimeSpan FollowRest = TimeSpan.FromSeconds(60);

    private readonly WorkerTools _tools;
    private readonly bool _published;
    private readonly SteadyClock _clock;
    private readonly WaitEvents _waits;
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StepRetries _retries = new();
    private readonly PodProbes _probes;
    private readonly WorkerTurn _turn;
    private readonly long _seenAt;
    private PodObserved? _seen;

    // The loop's own, touched by it alone.
    private readonly DateTimeOffset _begun;
    private PodProgress _progress;
    private bool _noted, _starts;
    private PodStatus? _status;
    private PodIntent? _decided;
    private DateTimeOffset? _followAgain;

    /// <param name="published">False for a pod that no source names: it is ended, and nobody asks how it is.</param>
    public PodWorker(PodIntent desired, bool published, WorkerTools tools)
    {
        (Mail, _published, _tools) = (new PodMailbox(desired), published, tools);
        _clock = new SteadyClock(tools.Time);
        _waits = new WaitEvents(tools.Events);
        _turn = new WorkerTurn(tools.Measures.Turns, tools.Time);
        _seenAt = tools.Time.GetTimestamp();
        _probes = new PodProbes(tools.Probes, tools.Runtime, tools.Node, Mail.Ring);
        DateTimeOffset wall = tools.Time.GetUtcNow();
        (DateTimeOffset? begun, PodFailure? over) = tools.Notes.Read(desired.Uid);
        (_begun, _noted) = (begun ?? DateTimeOffset.FromUnixTimeMilliseconds(wall.ToUnixTimeMilliseconds()), begun is not null);
        _starts = published && !_noted;     // not one that an earlier agent had begun
        if (_starts) tools.Measures.Startups.Seen(desired.Pod);
        // Only the age comes from the wall clock, and never a negative one.
        _progress = PodProgress.Start with { Begun = _clock.Now - (_begun < wall ? wall - _begun : TimeSpan.Zero), Over = over, Resize = ResizeProgress.Of(desired.Pod.Status) };
    }

    public string Uid => Desired.Uid;

    public string FullName => PodMessages.FullName(Desired.Pod);

    public PodIntent Desired => Mail.Desired;

    public PodMailbox Mail { get; }

    /// <summary>Completes when nothing is left of the pod; never when the agent ends before.</summary>
    public Task Gone => _gone.Task;

    /// <summary>False when the runtime's snapshot shows something that this worker has not looked at.</summary>
    public bool HasSeen(PodObserved now) => Volatile.Read(ref _seen) is { } seen && seen == now;

    /// <param name="before">Completes when the pod's place is free: pods of the same name have gone.</param>
    public async Task RunAsync(Task before, CancellationToken shutdown)
    {
        using PodAlarm alarm = new(_tools.Time, _clock, Mail.Ring);
        try
        {
            Show(Desired, PodPlan.Idle);
            while (!before.IsCompleted && Desired.Stop is null)
            {
                await Task.WhenAny(before, Mail.Rung).WaitAsync(shutdown);
                Mail.Look();
            }
            _turn.Begin("create");
            if (_starts) _tools.Measures.WorkerStarts.Observe(_tools.Time.GetElapsedTime(_seenAt));
            while (!await GuardedRoundAsync(alarm, shutdown)) shutdown.ThrowIfCancellationRequested();
            _turn.End();
            if (_published) _tools.Board.Remove(Uid);
            _gone.SetResult();
        }
        catch (Exception) when (shutdown.IsCancellationRequested)
        {
            // The pod runs on; the next agent takes it over.
        }
        finally
        {
            await _probes.EndAsync();
        }
    }

    /// <summary>A fault of ours must not end the one loop that looks after the pod.</summary>
    private async Task<bool> GuardedRoundAsync(PodAlarm alarm, CancellationToken shutdown)
    {
        try
        {
            return await RoundAsync(alarm, shutdown);
        }
        catch (Exception e) when (!shutdown.IsCancellationRequested)
        {
            WorkerFailed(_tools.Log, e, PodMessages.Format(Desired.Pod));
            _tools.Events.Warning(Desired.Pod, EventReasons.FailedSync, $"error determining status: {e.Message}");
            await Task.Delay(AfterFault, _tools.Time, shutdown);
            return false;
        }
    }

    /// <summary>Looks, decides, shows, and does one thing or sleeps.</summary>
    /// <returns>True when nothing is left of the pod.</returns>
    private async Task<bool> RoundAsync(PodAlarm alarm, CancellationToken shutdown)
    {
        Mail.Look();
        PodIntent desired = TakeIntent();
        if (EvictionOf(desired) is { } eviction) Fail(desired, eviction);
        if (desired.Stop is null) await FollowObjectsAsync(desired.Pod, shutdown);
        PodPlan plan = Show(desired, null);
        DateTimeOffset now = _clock.Now;

        if (plan.IsLast)
        {
            if (!plan.Steps.Any(s => _retries.Blocks(s, now))) return await DoAllAsync(desired, plan, shutdown);
        }
        else if (plan.Steps.FirstOrDefault(s => !_retries.Blocks(s, now)) is { } step)
        {
            // One at a time: what follows is decided with its outcome, and with all that happened meanwhile.
            alarm.Set(plan.IsEnd ? null : PodDeadline.Of(desired, _progress));
            await DoAsync(step, desired, plan, shutdown);
            return false;
        }
        await SleepAsync(Earlier(Earlier(plan.WakeAt, _followAgain), _retries.WakeAt(plan.Steps, _clock.Now)), alarm, shutdown);
        return false;
    }

    private async Task<bool> DoAllAsync(PodIntent desired, PodPlan plan, CancellationToken shutdown)
    {
        foreach (PodStep step in plan.Steps)
            if (!await DoAsync(step, desired, plan, shutdown)) return false;
        return true;
    }

    private async Task FollowObjectsAsync(V1Pod pod, CancellationToken shutdown)
    {
        bool changed = Mail.TakeObjects();
        if (!changed && !(_followAgain <= _clock.Now)) return;
        if (changed)
        {
            _retries.Clear();
            _progress = StepResults.ForNewSpec(_progress);
        }
        _followAgain = await _tools.Executor.RefreshVolumesAsync(pod, shutdown) ? null : _clock.Now + FollowRest;
    }

    private PodIntent TakeIntent()
    {
        PodIntent desired = Desired;
        if (desired.Resize?.Granted is { } generation && generation != _decided?.Resize?.Granted) _progress = _progress with { Resize = new(generation) };
        if (_decided is not null && !ReferenceEquals(desired, _decided))
        {
            _turn.Is("update");
            _retries.Clear();
            if (!ReferenceEquals(desired.Pod, _decided.Pod))
            {
                _progress = StepResults.ForNewSpec(_progress);
                Mail.MarkObjects();     // labels and limits may be files of the pod
            }
        }
        if (desired.Stop is not null) _turn.Is("kill");
        if (Mail.TakeImages()) _progress = _progress.WithoutPullFailures();
        return _decided = desired;
    }

    /// <summary>Observes and publishes; decides anew unless the decision stands.</summary>
    private PodPlan Show(PodIntent desired, PodPlan? standing)
    {
        DateTimeOffset wall = _tools.Time.GetUtcNow(), steady = _clock.Now;
        PodObserved observed = PodObservation.Of(_tools.Runtime.Sandboxes, desired.Uid);
        Volatile.Write(ref _seen, observed);
        _probes.Follow(desired, observed, wall);
        _progress = _progress.Noting(observed, wall, steady) with { Probes = _probes.Verdicts };
        FollowResize(desired, observed);
        PodPlan plan = standing ?? PodActions.Compute(desired, observed, _progress, _tools.Backoff, steady);
        if (plan.Failure is { } failure && _progress.Over is null) Fail(desired, failure);
        if (!_published) return plan;

        StatusFacts facts = new(_tools.Node.Ips, QosClasses.Of(desired.Pod).ToString()) { StartTime = _begun };
        PodStatus? before = _status;
        _status = PodStatusBuilder.Build(desired, observed, _progress, plan, before, facts, wall);
        if (before is not null) _tools.Measures.Ended(before, _status);
        if (_starts) _tools.Measures.Startups.Inits(desired.Pod, observed);
        if (_starts && _status.Phase is PodPhase.Running)
        {
            _starts = false;
            _tools.Measures.Starts.Observe(_tools.Time.GetElapsedTime(_seenAt));
        }
        _tools.Board.Publish(new(desired.Pod, _status) { Released = plan.IsEnd && _progress.TornDown });
        if (standing is null) _waits.Tell(desired.Pod, plan.Waiting);
        return plan;
    }

    private void FollowResize(PodIntent desired, PodObserved observed)
    {
        (ResizeProgress? now, ResizeProgress? completed) = ResizeProgress.Follow(_progress.Resize, desired, observed, _progress);
        if (now != _progress.Resize) _progress = _progress with { Resize = now };
        if (completed is not null) _tools.Events.Normal(desired.Pod, EventReasons.ResizeCompleted, ResizeMessages.Completed(desired.Pod, completed.Generation));
    }

    /// <returns>Null also for a pod that ends or has ended without it.</returns>
    private PodFailure? EvictionOf(PodIntent desired) =>
        desired.Stop is null && _progress.Over is null && _status is not { IsTerminal: true } ? Mail.Eviction : null;

    /// <summary>The pod's end is decided. It is kept before anything is ended, so that no later agent starts the pod anew.</summary>
    private void Fail(PodIntent desired, PodFailure failure)
    {
        _tools.Notes.Write(desired.Uid, _begun, failure);
        _progress = _progress with { Over = failure };
        if (!failure.IsEviction)
        {
            _tools.Events.Normal(desired.Pod, failure.Reason, failure.Message);
            return;
        }
        _tools.Events.Warning(desired.Pod, failure.Reason, failure.Message);
        _tools.Measures.Evictions.Increment(failure.Signal);
    }

    /// <returns>False when the step failed or was overtaken by a stop.</returns>
    private async Task<bool> DoAsync(PodStep step, PodIntent desired, PodPlan plan, CancellationToken shutdown)
    {
        using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(shutdown);
        if (!Mail.TryBegin(desired, cancel)) return false;
        try
        {
            _progress = StepResults.Before(step, _progress);
            Task<StepOutcome> running = _tools.Executor.ApplyAsync(step, desired, cancel.Token);
            while (!running.IsCompleted)
            {
                await Task.WhenAny(running, Mail.Rung);
                if (running.IsCompleted) break;
                // A pull may take minutes; what happens to the pod's other containers is told at once all the same.
                Mail.Look();
                Show(desired, plan);
                // Pulls and hooks take as long as they like, but not beyond the pod's deadline.
                if (!plan.IsEnd && (PodDeadline.Of(desired, _progress) <= _clock.Now || EvictionOf(desired) is not null)) _ = cancel.CancelAsync();
            }
            return Note(step, await running);
        }
        catch (Exception) when (cancel.IsCancellationRequested && !shutdown.IsCancellationRequested)
        {
            return false;   // overtaken by a stop or the deadline, in whatever words the step said so
        }
        finally
        {
            Mail.Ended();
        }
    }

    private bool Note(PodStep step, StepOutcome outcome)
    {
        DateTimeOffset now = _clock.Now;
        ResizeProgress? resize = _progress.Resize;
        _progress = StepResults.After(step, outcome, _progress, now);
        if (_progress.Resize is { Error.Length: > 0 } broken && broken != resize) _tools.Events.Warning(Desired.Pod, EventReasons.ResizeError, ResizeMessages.Failed(Desired.Pod, broken));
        if (outcome is StepOutcome.Failed failed)
        {
            _retries.Failed(step, now);
            StepFailed(_tools.Log, PodMessages.Format(Desired.Pod), step.GetType().Name, failed.Cause);
            return false;
        }
        _retries.Succeeded(step);
        if (step is CreateSandbox && !_noted)
        {
            _tools.Notes.Write(Uid, _begun, _progress.Over);
            _noted = true;
        }
        return true;
    }

    private async Task SleepAsync(DateTimeOffset? until, PodAlarm alarm, CancellationToken shutdown)
    {
        alarm.Set(until);
        _turn.End();
        await Mail.Rung.WaitAsync(shutdown);
        _turn.Begin("sync");
        alarm.Set(null);
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? a, DateTimeOffset? b) => a is null || b < a ? b : a;

    [LoggerMessage(LogLevel.Warning, "PodStepFailed pod={Pod} step={Step}: {Cause}; it is repeated")]
    private static partial void StepFailed(ILogger log, string pod, string step, string cause);

    [LoggerMessage(LogLevel.Error, "PodWorkerFailed pod={Pod}; it goes on in 10 s")]
    private static partial void WorkerFailed(ILogger log, Exception fault, string pod);
}
