using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Cluster;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Tests.Unit.App.Cluster;

public sealed class RequestRateTests
{
    [Fact]
    public async Task After_a_burst_requests_take_their_turns()
    {
        FakeTimeProvider time = new();
        RequestRate rate = new(new(2, 2), time);

        Assert.Equal(TimeSpan.Zero, await rate.WaitAsync(TestContext.Current.CancellationToken));
        Assert.Equal(TimeSpan.Zero, await rate.WaitAsync(TestContext.Current.CancellationToken));
        Task<TimeSpan> third = rate.WaitAsync(TestContext.Current.CancellationToken).AsTask(), fourth = rate.WaitAsync(TestContext.Current.CancellationToken).AsTask();
        Assert.False(third.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(TimeSpan.FromSeconds(0.5), await third);
        Assert.False(fourth.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(TimeSpan.FromSeconds(1), await fourth);
    }

    [Fact]
    public async Task Who_gives_up_waits_no_longer()
    {
        RequestRate rate = new(new(1, 1), new FakeTimeProvider());
        await rate.WaitAsync(TestContext.Current.CancellationToken);
        using CancellationTokenSource patience = new();
        Task<TimeSpan> second = rate.WaitAsync(patience.Token).AsTask();

        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
    }

    [Fact]
    public void Nothing_means_the_clients_default_and_less_than_nothing_no_limit()
    {
        Assert.Equal(new RateLimit(5, 10), RequestRate.Of(0, 0));
        Assert.Equal(new RateLimit(50, 100), RequestRate.Of(50, 100));
        TimeSpan due = TimeSpan.MinValue;
        Assert.Equal(TimeSpan.Zero, RequestRate.Of(-1, 1).Take(ref due, TimeSpan.Zero));
    }
}
