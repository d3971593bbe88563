using System.Threading.Channels;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Core.Probes;
using NativeKubelet.Core.Stats;
using NativeKubelet.Pods;
using NativeKubelet.Probes;
using NativeKubelet.Runtime;
using NativeKubelet.Tests.Unit.App.Server.Local;
using NativeKubelet.Tests.Unit.Core.Stats;

namespace NativeKubelet.Tests.Unit.App.Probes;

/// <summary>When containers are probed and what is made of it, on a clock that the test moves.</summary>
public sealed class ContainerProbesTests : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private readonly FakeNode _node = new();
    private readonly WatchedTime _time = new();
    private readonly Channel<double> _looks = Channel.CreateUnbounded<double>();
    private readonly Channel<ProbeVerdicts> _told = Channel.CreateUnbounded<ProbeVerdicts>();
    private readonly ProbeCounts _counts = new();
    private int _exit;
    private TimeSpan _takes;

    public ContainerProbesTests() => _node.OnExec = _ =>
    {
        _looks.Writer.TryWrite((_time.GetUtcNow() - _time.Start).TotalSeconds);
        _time.Advance(_takes);
        return new ExecSession(null, Task.FromResult(_exit), (_, _) => Task.CompletedTask);
    };

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task The_first_look_is_at_the_delay_and_the_third_failure_in_a_row_decides()
    {
        _exit = 1;
        await using ContainerProbes probes = await BeginAsync(new V1Container { Name = "web", LivenessProbe = Probe(delay: 5) });
        await _time.SleepsAsync(TimeSpan.FromSeconds(5));

        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(5, await LookAsync());
        await _time.SleepsAsync(Period);
        _time.Advance(Period);
        Assert.Equal(15, await LookAsync());
        await _time.SleepsAsync(Period);
        Assert.Null((await ToldAsync()).Liveness);      // as it began, and nothing since
        Assert.False(_told.Reader.TryRead(out _));

        _time.Advance(Period);
        Assert.Equal(25, await LookAsync());
        Assert.False((await ToldAsync()).Liveness);
        await probes.Ended;      // what is decided is not asked again
        Assert.Contains("prober_probe_total{container=\"web\",namespace=\"default\",pod=\"pod\",pod_uid=\"u1\",probe_type=\"Liveness\",result=\"failed\"} 3\n", Counted(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_timer_that_rings_a_little_early_does_not_make_two_looks_of_one_period()
    {
        _exit = 1;
        _takes = TimeSpan.FromMilliseconds(0.4);      // so that the rest of a period is no whole number of milliseconds
        await using ContainerProbes probes = await BeginAsync(new V1Container { Name = "web", LivenessProbe = Probe() });
        Assert.Equal(0, await LookAsync());
        TimeSpan early = TimeSpan.FromMilliseconds(9999);
        await _time.SleepsAsync(early);

        _time.Advance(early);
        Assert.Equal(9.9994, await LookAsync(), 4);
        await _time.SleepsAsync(Period);
        Assert.False(_looks.Reader.TryRead(out _));
        Assert.Null((await ToldAsync()).Liveness);
        Assert.False(_told.Reader.TryRead(out _));
    }

    [Fact]
    public async Task When_the_pod_ends_readiness_is_asked_on_and_liveness_is_not()
    {
        _exit = 0;
        await using ContainerProbes probes = await BeginAsync(new V1Container { Name = "web", ReadinessProbe = Probe(), LivenessProbe = Probe(delay: 1000) });
        Assert.Equal(0, await LookAsync());
        await _time.SleepsAsync(Period);

        probes.StopJudging();
        _time.Advance(Period);
        Assert.Equal(10, await LookAsync());
        Assert.DoesNotContain("Liveness", Counted(), StringComparison.Ordinal);
        const string labels = "container=\"web\",namespace=\"default\",pod=\"pod\",probe_type=\"Readiness\"";
        Assert.InRange(Exposition.Parse(Counted()).Value("prober_probe_duration_seconds_count", labels), 1, 2);
    }

    [Fact]
    public async Task What_the_probes_came_to_ends_with_the_container()
    {
        await using (ContainerProbes probes = await BeginAsync(new V1Container { Name = "web", ReadinessProbe = Probe() }))
        {
            Assert.Equal(0, await LookAsync());
            await _time.SleepsAsync(Period);
            Assert.Contains("result=\"successful\"} 1\n", Counted(), StringComparison.Ordinal);
        }

        Assert.Equal("", Counted());
    }

    private string Counted()
    {
        using MetricText text = new();
        _counts.Write(text);
        return text.ToString();
    }

    private static V1Probe Probe(int delay = 0) => new() { Exec = new V1ExecAction { Command = ["look"] }, InitialDelaySeconds = delay, PeriodSeconds = 10, FailureThreshold = 3 };

    private async Task<ContainerProbes> BeginAsync(V1Container container)
    {
        V1Pod pod = new() { Metadata = new() { Name = "pod", NamespaceProperty = "default", Uid = "u1" }, Spec = new() { Containers = [container] } };
        RuntimePaths paths = new(_node.Run, _node.Run, _node.Run, _node.Run, _node.Run);
        ProbeTools tools = new(new ProbeRunner(_node, _time), new VerdictFile(paths), _counts, new PodEvents(_node.EventLog, NullLogger<PodEvents>.Instance), _time);
        ContainerProbes probes = new(tools, pod, new ProbeSubject(container, "c1", "127.0.0.1"), adopted: false, TimeSpan.Zero, (_, verdicts) => _told.Writer.TryWrite(verdicts));
        // Off the tests' own threads, as in the agent: those may be taken by others for long.
        await Task.Run(probes.Begin);
        return probes;
    }

    private ValueTask<double> LookAsync() => _looks.Reader.ReadAsync(Limit());

    private ValueTask<ProbeVerdicts> ToldAsync() => _told.Reader.ReadAsync(Limit());

    private static CancellationToken Limit() => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;

    /// <summary>Tells who goes to sleep, so that the clock is moved when they do and not before.</summary>
    private sealed class WatchedTime : FakeTimeProvider
    {
        private readonly Channel<TimeSpan> _sleeps = Channel.CreateUnbounded<TimeSpan>();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = base.CreateTimer(callback, state, dueTime, period);
            _sleeps.Writer.TryWrite(dueTime);
            return timer;
        }

        public async Task SleepsAsync(TimeSpan due)
        {
            while (await _sleeps.Reader.ReadAsync(Limit()) != due)
            {
            }
        }
    }
}
