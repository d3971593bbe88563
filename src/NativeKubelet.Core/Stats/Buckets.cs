using System.Collections.Immutable;
using System.Globalization;

namespace NativeKubelet.Core.Stats;

/// <summary>Upper bounds of a histogram's buckets, rising; what is beyond the last is counted too.</summary>
public sealed class Buckets
{
    public Buckets(params ReadOnlySpan<double> bounds)
    {
        Bounds = [.. bounds];
        Labels = [.. Bounds.Select(b => MetricText.Label("le", b.ToString(CultureInfo.InvariantCulture))), MetricText.Label("le", "+Inf")];
    }

    /// <summary>What Prometheus's clients take where nobody says otherwise: 5 ms to 10 s.</summary>
    public static Buckets Usual { get; } = new(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10);

    /// <summary>The original's for the start of a pod.</summary>
    public static Buckets OfStart { get; } = new(0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600);

    public ImmutableArray<double> Bounds { get; }

    /// <summary>One more than bounds.</summary>
    internal ImmutableArray<string> Labels { get; }

    /// <summary>Each bound is the one before times <paramref name="factor"/>, rounded as it comes.</summary>
    public static Buckets Exponential(double first, double factor, int count)
    {
        double[] bounds = new double[count];
        for (int i = 0; i < count; i++, first *= factor) bounds[i] = first;
        return new(bounds);
    }
}
