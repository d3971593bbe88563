namespace NativeKubelet.Runtime.Stats;

/// <summary>How fast CPU time was used between two samples.</summary>
public static class CpuRate
{
    /// <summary>CPU nanoseconds per second: 1,000,000,000 is one CPU.</summary>
    /// <returns>Null without two samples, and where the counter went back (a kernel that loses counts): there is no rate to tell.</returns>
    public static long? NanoCores(long? before, long? after, TimeSpan between) =>
        after - before is >= 0 and { } used && between > TimeSpan.Zero ? (long)(used / between.TotalSeconds) : null;
}
