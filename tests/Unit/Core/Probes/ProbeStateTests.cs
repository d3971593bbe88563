using k8s.Models;
using NativeKubelet.Core.Probes;

namespace NativeKubelet.Tests.Unit.Core.Probes;

public sealed class ProbeStateTests
{
    /// <summary>Results as letters: + success, - failure; the verdicts after each: t, f, or . for none yet.</summary>
    [Theory]
    [InlineData(ProbeKind.Liveness, 1, 3, "+++", "ttt")]
    [InlineData(ProbeKind.Liveness, 1, 3, "---", "..f")]
    [InlineData(ProbeKind.Liveness, 1, 3, "--+--+---", "..tttttt" + "f")]
    [InlineData(ProbeKind.Liveness, 1, 1, "+-", "tf")]
    [InlineData(ProbeKind.Readiness, 1, 3, "+--+---+", "tttttt" + "ft")]
    [InlineData(ProbeKind.Readiness, 2, 1, "+-++", ".fft")]
    [InlineData(ProbeKind.Startup, 1, 4, "---+", "...t")]
    [InlineData(ProbeKind.Startup, 1, 2, "--", ".f")]
    public void Only_enough_equal_results_in_a_row_change_a_verdict(ProbeKind kind, int successes, int failures, string results, string verdicts)
    {
        ProbeRule rule = new(kind, TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), successes, failures);
        ProbeState state = ProbeState.From(null);
        string said = "";
        foreach (char result in results)
        {
            state = state.After(rule, result == '+');
            said += state.Verdict switch { true => 't', false => 'f', null => '.' };
        }

        Assert.Equal(verdicts, said);
    }

    [Theory]
    [InlineData(ProbeKind.Liveness, true, false)]
    [InlineData(ProbeKind.Liveness, false, true)]
    [InlineData(ProbeKind.Startup, true, true)]
    [InlineData(ProbeKind.Startup, false, true)]
    [InlineData(ProbeKind.Readiness, false, false)]
    public void A_probe_ends_when_it_has_nothing_left_to_find_out(ProbeKind kind, bool verdict, bool final)
    {
        ProbeRule rule = new(kind, TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), 1, 1);

        Assert.Equal(final, ProbeState.From(null).After(rule, verdict).IsFinal(rule));
    }

    [Fact]
    public void What_an_earlier_agent_had_decided_stands_until_enough_results_say_otherwise()
    {
        ProbeRule rule = new(ProbeKind.Readiness, TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), 1, 3);

        Assert.True(ProbeState.From(true).After(rule, false).After(rule, false).Verdict);
        Assert.False(ProbeState.From(true).After(rule, false).After(rule, false).After(rule, false).Verdict);
    }

    [Fact]
    public void Unset_numbers_are_the_APIs_defaults()
    {
        ProbeRule rule = ProbeRule.Of(ProbeKind.Liveness, new V1Probe { PeriodSeconds = 0 });

        Assert.Equal(new ProbeRule(ProbeKind.Liveness, TimeSpan.Zero, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), 1, 3), rule);
    }

    [Theory]
    [InlineData(10, 0, 10)]
    [InlineData(10, 10, 20)]
    [InlineData(10, 14, 20)]
    [InlineData(10, 45, 50)]
    [InlineData(5.5, 30, 35.5)]
    public void Missed_ticks_are_not_made_up_for(double first, double now, double next)
    {
        ProbeRule rule = new(ProbeKind.Liveness, TimeSpan.Zero, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), 1, 3);

        Assert.Equal(TimeSpan.FromSeconds(next), rule.NextTick(TimeSpan.FromSeconds(first), TimeSpan.FromSeconds(now)));
    }

    [Theory]
    [InlineData("http", 8080)]
    [InlineData("9090", 9090)]
    [InlineData("nowhere", null)]
    [InlineData("0", null)]
    [InlineData("65536", null)]
    public void A_port_is_a_number_or_one_of_the_containers_own_names(string port, int? expected)
    {
        V1Container container = new() { Name = "web", Ports = [new V1ContainerPort { Name = "http", ContainerPort = 8080 }] };

        if (expected is { } number) Assert.Equal(number, ProbePort.Resolve(port, container));
        else Assert.Throws<FormatException>(() => ProbePort.Resolve(port, container));
    }

    [Fact]
    public void Outcomes_are_told_in_the_words_users_know()
    {
        Assert.Equal(("Unhealthy", "Liveness probe failed: no"), ProbeOutcome.Failure("no").Event(ProbeKind.Liveness));
        Assert.Equal(("Unhealthy", "Startup probe errored and resulted in unknown state: e"), ProbeOutcome.Error("e").Event(ProbeKind.Startup));
        Assert.Equal(("ProbeWarning", "Readiness probe warning: w"), new ProbeOutcome(ProbeResult.Warning, "w").Event(ProbeKind.Readiness));
        Assert.Null(ProbeOutcome.Success.Event(ProbeKind.Liveness));
    }
}
