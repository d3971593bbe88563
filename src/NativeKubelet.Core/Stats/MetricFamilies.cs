using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace NativeKubelet.Core.Stats;

/// <summary>Values of a family's labels, in their order.</summary>
public readonly record struct LabelValues(string? First = null, string? Second = null, string? Third = null, string? Fourth = null)
{
    public static implicit operator LabelValues(string value) => new(value);

    public static implicit operator LabelValues((string, string) values) => new(values.Item1, values.Item2);

    public static implicit operator LabelValues((string, string, string) values) => new(values.Item1, values.Item2, values.Item3);

    public static implicit operator LabelValues((string, string, string, string) values) => new(values.Item1, values.Item2, values.Item3, values.Item4);

    internal string Text(ImmutableArray<string> names)
    {
        LabelValues own = this;
        return string.Join(',', names.Select((name, i) => MetricText.Label(name, i switch { 0 => own.First, 1 => own.Second, 2 => own.Third, _ => own.Fourth } ?? "")));
    }
}

/// <summary>Histograms of one name. Without labels it is one, and told of from the start; with labels each begins with its first measurement.</summary>
public sealed class HistogramFamily
{
    private readonly string _name, _help;
    private readonly Buckets _buckets;
    private readonly ImmutableArray<string> _labels;
    private readonly ConcurrentDictionary<LabelValues, Histogram> _all = [];

    /// <param name="help">With its stability in brackets.</param>
    public HistogramFamily(string name, string help, Buckets buckets, params ReadOnlySpan<string> labels)
    {
        (_name, _help, _buckets, _labels) = (name, help, buckets, [.. labels]);
        if (labels.IsEmpty) _ = Of(default);
    }

    public Histogram Of(LabelValues labels) => _all.GetOrAdd(labels, static (_, buckets) => new(buckets), _buckets);

    public void Observe(TimeSpan duration) => Of(default).Observe(duration);

    public void Write(MetricText to)
    {
        to.Family(_name, "histogram", _help);
        foreach ((LabelValues labels, Histogram histogram) in _all) histogram.Write(to, labels.Text(_labels));
    }
}

/// <summary>Counters of one name. Without labels it is one, and told of from the start; with labels each begins with its first count.</summary>
public sealed class CounterFamily
{
    private readonly string _name, _help;
    private readonly ImmutableArray<string> _labels;
    private readonly ConcurrentDictionary<LabelValues, StrongBox<long>> _all = [];

    /// <param name="help">With its stability in brackets.</param>
    public CounterFamily(string name, string help, params ReadOnlySpan<string> labels)
    {
        (_name, _help, _labels) = (name, help, [.. labels]);
        if (labels.IsEmpty) _ = Of(default);
    }

    public void Increment(LabelValues labels = default) => Interlocked.Increment(ref Of(labels).Value);

    public void Write(MetricText to)
    {
        to.Family(_name, "counter", _help);
        foreach ((LabelValues labels, StrongBox<long> count) in _all) to.Sample(labels.Text(_labels), Volatile.Read(ref count.Value));
    }

    private StrongBox<long> Of(LabelValues labels) => _all.GetOrAdd(labels, static _ => new());
}
