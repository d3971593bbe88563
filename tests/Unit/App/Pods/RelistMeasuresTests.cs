using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Pods;
using NativeKubelet.Tests.Unit.Core.Stats;

namespace NativeKubelet.Tests.Unit.App.Pods;

public sealed class RelistMeasuresTests
{
    [Fact]
    public void An_alert_sees_when_the_comparison_came_round_last_and_how_long_it_took()
    {
        FakeTimeProvider time = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
        RelistMeasures relists = new(time);
        for (int i = 0; i < 2; i++)
        {
            time.Advance(TimeSpan.FromSeconds(60));
            relists.Begin();
        }
        time.Advance(TimeSpan.FromSeconds(3));
        relists.End();

        Exposition page = HistogramTests.Read(relists.Write);

        Assert.Equal((2, 120), (page.Value("kubelet_pleg_relist_interval_seconds_count", ""), page.Value("kubelet_pleg_relist_interval_seconds_sum", "")));
        Assert.Equal((1, 3), (page.Value("kubelet_pleg_relist_duration_seconds_count", ""), page.Value("kubelet_pleg_relist_duration_seconds_sum", "")));
        Assert.Equal(1767323165, page.Value("kubelet_pleg_last_seen_seconds", ""));
    }
}
