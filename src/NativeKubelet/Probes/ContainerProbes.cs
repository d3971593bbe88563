using k8s.Models;
using NativeKubelet.Core.Probes;
using NativeKubelet.Pods;

namespace NativeKubelet.Probes;

/// <summary>What all probes of a node share.</summary>
internal sealed record ProbeTools(ProbeRunner Runner, VerdictFile Verdicts, ProbeCounts Counts, PodEvents Events, TimeProvider Time);

/// <summary>
/// The probes of one running container instance, each with a clock of its own that began with the instance. They find out
/// and tell; what follows is the pod's worker's to decide.
/// </summary>
internal sealed class ContainerProbes : IAsyncDisposable
{
    private readonly ProbeTools _tools;
    private readonly V1Pod _pod;
    private readonly ProbeSubject _subject;
    private readonly Action<string, ProbeVerdicts> _tell;
    private readonly CancellationTokenSource _life = new();
    private readonly CancellationTokenSource _judging;
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly long _begun;
    private readonly bool _adopted;
    private readonly TimeSpan _age;
    private ProbeVerdicts _verdicts;     // swapped under _gate

    /// <param name="adopted">It ran when this agent came: its first probes are spread over a period, so that not all come at once.</param>
    /// <param name="age">How long it has run already.</param>
    /// <param name="tell">Called from any thread with everything that is decided by then.</param>
    public ContainerProbes(ProbeTools tools, V1Pod pod, ProbeSubject subject, bool adopted, TimeSpan age, Action<string, ProbeVerdicts> tell)
    {
        (_tools, _pod, _subject, _adopted, _age, _tell) = (tools, pod, subject, adopted, age, tell);
        _begun = tools.Time.GetTimestamp();
        _judging = CancellationTokenSource.CreateLinkedTokenSource(_life.Token);
        _verdicts = adopted ? tools.Verdicts.Read(subject.ContainerId) : ProbeVerdicts.None;
        if (subject.Container.StartupProbe is null || _verdicts.Startup == true) _started.SetResult();
        tell(subject.ContainerId, _verdicts);
    }

    /// <summary>Completes when the last probe has ended.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>How long this instance has run.</summary>
    private TimeSpan Now => _age + _tools.Time.GetElapsedTime(_begun);

    public void Begin()
    {
        V1Container c = _subject.Container;
        Ended = Task.WhenAll(
            c.StartupProbe is { } startup && !_started.Task.IsCompleted ? RunAsync(ProbeKind.Startup, startup, _judging.Token) : Task.CompletedTask,
            c.ReadinessProbe is { } readiness ? RunAsync(ProbeKind.Readiness, readiness, _life.Token) : Task.CompletedTask,
            c.LivenessProbe is { } liveness ? RunAsync(ProbeKind.Liveness, liveness, _judging.Token) : Task.CompletedTask);
    }

    /// <summary>The pod is being ended: nobody is killed or held up by a probe any more, but whether it serves is still told.</summary>
    public void StopJudging() => _judging.Cancel();

    public async ValueTask DisposeAsync()
    {
        await _life.CancelAsync();
        await Ended;
        _tools.Counts.End(_subject.ContainerId);
        _judging.Dispose();
        _life.Dispose();
    }

    private async Task RunAsync(ProbeKind kind, V1Probe probe, CancellationToken cancel)
    {
        try
        {
            await Task.Yield();
            ProbeRule rule = ProbeRule.Of(kind, probe);
            TimeSpan first = rule.InitialDelay > Now || !_adopted ? rule.InitialDelay : Now + rule.Period * Random.Shared.NextDouble();
            await SleepUntilAsync(first, cancel);
            TimeSpan tick = first;
            if (kind != ProbeKind.Startup && !_started.Task.IsCompleted)
            {
                await _started.Task.WaitAsync(cancel);
                // Whether it serves is wanted at once; whether it lives is a matter for its clock.
                if (kind == ProbeKind.Liveness) await SleepUntilAsync(tick = rule.NextTick(first, Now), cancel);
                else first = tick = Now;
            }
            ProbeCounts.OfContainer counts = _tools.Counts.Begin(_pod, _subject.Container.Name, _subject.ContainerId);
            ProbeState state = ProbeState.From(_verdicts.Of(kind));
            while (true)
            {
                TimeSpan begun = Now;
                ProbeOutcome outcome = await _tools.Runner.RunAsync(probe, rule, _subject, cancel);
                counts.Add(kind, outcome.Result, Now - begun);
                if (outcome.Event(kind) is var (reason, message)) _tools.Events.Warning(_pod, reason, message, _subject.Container.Name);
                if (outcome.Result != ProbeResult.Error)
                {
                    state = state.After(rule, outcome.Result != ProbeResult.Failure);
                    if (state.Verdict is { } verdict) Decide(kind, verdict);
                    if (state.IsFinal(rule)) return;
                }
                // Timers count whole milliseconds and may ring before the tick, which must not be taken a second time then:
                // two failures counted as of one period had killed containers a period too early.
                TimeSpan now = Now;
                await SleepUntilAsync(tick = rule.NextTick(first, now > tick ? now : tick), cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The container has ended, or nobody asks any more.
        }
    }

    private void Decide(ProbeKind kind, bool verdict)
    {
        ProbeVerdicts now;
        lock (_gate)
        {
            if (_verdicts.Of(kind) == verdict) return;
            _verdicts = now = _verdicts.With(kind, verdict);
            // Kept before it is told: an agent that dies between leaves no pod that was ready and is not.
            if (kind != ProbeKind.Liveness) _tools.Verdicts.Write(_subject.ContainerId, now);
            _tell(_subject.ContainerId, now);
        }
        if (now.Startup == true) _started.TrySetResult();
    }

    private async Task SleepUntilAsync(TimeSpan age, CancellationToken cancel)
    {
        TimeSpan due = age - Now;
        if (due > TimeSpan.Zero) await Task.Delay(due, _tools.Time, cancel);
    }
}
