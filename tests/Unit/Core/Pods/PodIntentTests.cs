using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class PodIntentTests
{
    [Fact]
    public void The_first_cause_stays_and_the_grace_only_gets_shorter()
    {
        PodIntent intent = A.Intent()
            .WithStop(new(StopCause.Removed))
            .WithStop(new(StopCause.Shutdown, TimeSpan.FromSeconds(5)))
            .WithStop(new(StopCause.Shutdown, TimeSpan.FromSeconds(20)));

        Assert.Equal(new PodStop(StopCause.Removed, TimeSpan.FromSeconds(5)), intent.Stop);
    }

    [Fact]
    public void A_newer_spec_takes_no_stop_back() =>
        Assert.NotNull(A.Intent().WithStop(new(StopCause.Removed)).WithPod(A.Pod()).Stop);

    [Theory]
    [InlineData(30L, null, 30)]
    [InlineData(0L, null, 1)]
    [InlineData(null, null, 30)]
    [InlineData(30L, 0, 1)]
    [InlineData(30L, 7, 7)]
    [InlineData(-5L, null, 1)]
    public void A_pod_that_is_ended_has_its_grace_but_never_less_than_a_second(long? own, int? asked, int expected)
    {
        PodIntent intent = A.Intent();
        intent.Pod.Spec.TerminationGracePeriodSeconds = own;
        intent = intent.WithStop(new(StopCause.Removed, asked is { } seconds ? TimeSpan.FromSeconds(seconds) : null));

        Assert.Equal(TimeSpan.FromSeconds(expected), intent.Grace);
    }

    [Theory]
    [InlineData(30, 4.9, 26)]
    [InlineData(3, 5, 2)]
    [InlineData(1, 0, 2)]
    [InlineData(0, 0, 2)]
    [InlineData(10, 8, 2)]
    public void However_long_its_hook_took_a_container_has_two_seconds_after_its_stop_signal(double grace, double hook, double expected) =>
        Assert.Equal(TimeSpan.FromSeconds(expected), StopGrace.ForSignal(StopGrace.Left(TimeSpan.FromSeconds(grace), TimeSpan.FromSeconds(hook))));
}
