using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Pods;

namespace NativeKubelet.Tests.Unit.App.Pods;

public sealed class LoopTurnsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly FakeTimeProvider _time = new();
    private readonly LoopTurns _turns;

    public LoopTurnsTests() => _turns = new(_time);

    [Fact]
    public void A_loop_that_waits_for_something_to_happen_is_well_for_ever()
    {
        LoopTurns.Loop loop = _turns.Add("events");
        loop.Begin();
        loop.End();
        _time.Advance(TimeSpan.FromDays(400));

        Assert.Null(_turns.Stuck(Patience));
    }

    [Fact]
    public void A_loop_that_does_not_come_out_of_its_turn_is_stuck()
    {
        _turns.Add("others");
        LoopTurns.Loop loop = _turns.Add("events");
        loop.Begin();
        _time.Advance(Patience);
        Assert.Null(_turns.Stuck(Patience));

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("events", _turns.Stuck(Patience));

        loop.End();
        Assert.Null(_turns.Stuck(Patience));
    }

    [Fact]
    public void A_loop_that_should_have_come_round_and_did_not_is_stuck()
    {
        LoopTurns.Loop loop = _turns.Add("relist", least: TimeSpan.FromMinutes(1));
        _time.Advance(TimeSpan.FromMinutes(6));
        Assert.Null(_turns.Stuck(Patience));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("relist", _turns.Stuck(Patience));

        loop.Begin();
        loop.End();
        Assert.Null(_turns.Stuck(Patience));
    }
}
