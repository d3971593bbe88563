using NativeKubelet.Core.Resources;

namespace NativeKubelet.Tests.Unit.Core.Resources;

public sealed class RateLimitTests
{
    [Fact]
    public void A_burst_goes_at_once_and_what_follows_waits_its_turn()
    {
        RateLimit limit = new(2, 3);
        TimeSpan due = TimeSpan.MinValue;

        double[] waits = [.. Enumerable.Range(0, 5).Select(_ => limit.Take(ref due, TimeSpan.FromSeconds(7)).TotalSeconds)];

        Assert.Equal([0, 0, 0, 0.5, 1], waits);
    }

    [Fact]
    public void Time_fills_the_bucket_to_its_brim_and_no_further()
    {
        RateLimit limit = new(1, 2);
        TimeSpan due = TimeSpan.Zero;
        for (int i = 0; i < 3; i++) limit.Take(ref due, TimeSpan.Zero);

        double[] waits = [.. Enumerable.Range(0, 3).Select(_ => limit.Take(ref due, TimeSpan.FromHours(1)).TotalSeconds)];

        Assert.Equal([0, 0, 1], waits);
    }

    [Fact]
    public void Without_a_rate_nothing_waits()
    {
        TimeSpan due = TimeSpan.Zero;
        Assert.All(Enumerable.Range(0, 100), _ => Assert.Equal(TimeSpan.Zero, new RateLimit(0, 1).Take(ref due, TimeSpan.Zero)));
    }
}
