namespace NativeKubelet.Core.Resources;

/// <summary>A bucket of tokens: so many at once, then so many per second. Callers keep the order in which they asked.</summary>
/// <param name="PerSecond">0 or less: no limit.</param>
/// <param name="Burst">At least 1 is taken.</param>
public readonly record struct RateLimit(double PerSecond, int Burst)
{
    /// <summary>Takes one token.</summary>
    /// <param name="due">When a full bucket's first token was used up; of an untouched bucket, the least value. The caller keeps it.</param>
    /// <param name="now">Monotonic.</param>
    /// <returns>How long to wait before using the token; zero where the bucket holds one.</returns>
    public TimeSpan Take(ref TimeSpan due, TimeSpan now)
    {
        if (PerSecond <= 0) return TimeSpan.Zero;
        TimeSpan each = TimeSpan.FromSeconds(1 / PerSecond), stock = each * (Math.Max(Burst, 1) - 1);
        due = due > now ? due : now;
        TimeSpan wait = due - now - stock;
        due += each;
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }
}
