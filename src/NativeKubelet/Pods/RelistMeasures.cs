using NativeKubelet.Core.Stats;

namespace NativeKubelet.Pods;

/// <summary>That PLEG lives, by the names that alerts know. Events come without it: what is timed is the comparison that is their safety net.</summary>
internal sealed class RelistMeasures(TimeProvider time)
{
    private readonly HistogramFamily _durations = new("kubelet_pleg_relist_duration_seconds", "[ALPHA] Duration in seconds for relisting pods in PLEG.", Buckets.Usual);
    private readonly HistogramFamily _intervals = new("kubelet_pleg_relist_interval_seconds", "[ALPHA] Interval in seconds between relisting in PLEG.", Buckets.Usual);
    private long _begun = time.GetTimestamp();
    private long _seen = time.GetUtcNow().ToUnixTimeMilliseconds();

    public void Begin()
    {
        long now = time.GetTimestamp();
        _intervals.Observe(time.GetElapsedTime(_begun, now));
        _begun = now;
        Volatile.Write(ref _seen, time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    public void End() => _durations.Observe(time.GetElapsedTime(_begun));

    public void Write(MetricText to)
    {
        _durations.Write(to);
        _intervals.Write(to);
        to.Family("kubelet_pleg_last_seen_seconds", "gauge", "[ALPHA] Timestamp in seconds when PLEG was last seen active.").Sample("", Volatile.Read(ref _seen) / 1e3);
    }
}
