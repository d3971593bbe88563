namespace NativeKubelet.Core.Stats;

/// <summary>How many measurements fell into which bucket, and their sum. To add one allocates nothing and waits for nobody.</summary>
public sealed class Histogram(Buckets buckets)
{
    private readonly long[] _counts = new long[buckets.Bounds.Length + 1];      // by bucket, each alone; the last is beyond all bounds
    private double _sum;

    public void Observe(TimeSpan duration) => Observe(duration.TotalSeconds);

    public void Observe(double value)
    {
        int bucket = 0;
        while (bucket < buckets.Bounds.Length && value > buckets.Bounds[bucket]) bucket++;
        Interlocked.Increment(ref _counts[bucket]);
        double known = Volatile.Read(ref _sum);
        while (Interlocked.CompareExchange(ref _sum, known + value, known) is var was && !was.Equals(known)) known = was;
    }

    /// <summary>As samples of the family that was begun; each bucket counts those below it too.</summary>
    public void Write(MetricText to, string labels)
    {
        long count = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            count += Volatile.Read(ref _counts[i]);
            to.Part("_bucket", labels, buckets.Labels[i], count);
        }
        to.Part("_sum", labels, "", Volatile.Read(ref _sum));
        to.Part("_count", labels, "", count);
    }
}
