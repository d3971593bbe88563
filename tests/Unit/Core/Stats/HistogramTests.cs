using NativeKubelet.Core.Stats;

namespace NativeKubelet.Tests.Unit.Core.Stats;

public sealed class HistogramTests
{
    [Fact]
    public void Each_bucket_counts_what_is_not_above_it_and_the_last_counts_all()
    {
        HistogramFamily family = new("a_seconds", "[ALPHA] A.", new Buckets(0.1, 1, 2.5), "kind");
        foreach (double value in (double[])[0.1, 0.5, 1, 100]) family.Of("x").Observe(value);

        Exposition page = Read(family.Write);

        Assert.Equal("histogram", page.Types["a_seconds"]);
        Assert.Equal((1, 3, 3, 4), (Count("0.1"), Count("1"), Count("2.5"), Count("+Inf")));
        Assert.Equal((101.6, 4), (page.Value("a_seconds_sum", "kind=\"x\""), page.Value("a_seconds_count", "kind=\"x\"")));

        double Count(string bound) => page.Value("a_seconds_bucket", $"kind=\"x\",le=\"{bound}\"");
    }

    [Fact]
    public void What_has_no_labels_is_told_of_from_the_start_and_what_has_begins_with_its_first_measurement()
    {
        HistogramFamily plain = new("plain", "A.", Buckets.Usual), labelled = new("labelled", "A.", Buckets.Usual, "kind");
        CounterFamily count = new("count_total", "A."), counts = new("counts_total", "A.", "kind", "code");

        Exposition before = Read(to => { plain.Write(to); labelled.Write(to); count.Write(to); counts.Write(to); });
        Assert.Equal(["plain", "count_total"], before.Types.Keys);
        Assert.Equal((0, 0), (before.Value("plain_count", ""), before.Value("count_total", "")));

        counts.Increment(("x", "1"));
        counts.Increment(("x", "1"));
        Assert.Equal(2, Read(counts.Write).Value("counts_total", "code=\"1\",kind=\"x\""));
    }

    [Fact]
    public async Task Nothing_measured_at_the_same_time_gets_lost()
    {
        HistogramFamily family = new("a", "A.", Buckets.Usual);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => { for (int i = 0; i < 10_000; i++) family.Observe(TimeSpan.FromSeconds(0.5)); })));

        Exposition page = Read(family.Write);
        Assert.Equal((40_000, 20_000.0), (page.Value("a_count", ""), page.Value("a_sum", "")));
    }

    [Fact]
    public void A_measurement_allocates_nothing()
    {
        HistogramFamily family = new("a", "A.", Buckets.Usual, "kind");
        Histogram known = family.Of("x");
        known.Observe(1);
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 1000; i++) family.Of("x").Observe(i);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Same(known, family.Of("x"));
    }

    [Fact]
    public void Exponential_bounds_are_the_ones_that_the_original_comes_to()
    {
        // 0.005, 2.5, 14: of kubelet_runtime_operations_duration_seconds.
        Assert.Equal(
            [0.005, 0.0125, 0.03125, 0.078125, 0.1953125, 0.48828125, 1.220703125, 3.0517578125, 7.62939453125, 19.073486328125, 47.6837158203125, 119.20928955078125, 298.0232238769531, 745.0580596923828],
            Buckets.Exponential(.005, 2.5, 14).Bounds);
    }

    [Fact]
    public void A_time_to_live_without_an_end_is_infinite_in_Prometheuss_words()
    {
        Assert.True(double.IsPositiveInfinity(Read(to => to.Family("ttl", "gauge", "T.").Sample("", double.PositiveInfinity)).Value("ttl", "")));
    }

    internal static Exposition Read(Action<MetricText> write)
    {
        using MetricText text = new();
        write(text);
        return Exposition.Parse(text.ToString());
    }
}
