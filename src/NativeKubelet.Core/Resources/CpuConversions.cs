namespace NativeKubelet.Core.Resources;

/// <summary>CPU amounts as the kernel takes them. Milli is a thousandth of one CPU.</summary>
public static class CpuConversions
{
    /// <summary>The least and the most that the kernel takes as cpu.shares.</summary>
    public const long LeastShares = 2, MostShares = 262_144;

    private const long LeastQuota = 1000;

    public static long Shares(long milli) => milli == 0 ? LeastShares : Math.Clamp((long)((Int128)milli * 1024 / 1000), LeastShares, MostShares);

    /// <summary>Microseconds in each <paramref name="periodMicros"/>; 0: no limit.</summary>
    public static long Quota(long milli, long periodMicros) =>
        milli == 0 ? 0 : Math.Max((long)Int128.Min((Int128)milli * periodMicros / 1000, long.MaxValue), LeastQuota);

    /// <summary>cpu.weight of groups that the kubelet makes: node, tiers, pods.</summary>
    public static long LinearWeight(long shares) =>
        shares >= MostShares ? 10_000 : 1 + (Math.Max(shares, LeastShares) - 2) * 9999 / 262_142;

    /// <summary>
    /// cpu.weight of containers, as runc 1.3.2 and crun 1.23 compute it: 1024 shares become the kernel's default of 100.
    /// </summary>
    public static long QuadraticWeight(long shares)
    {
        if (shares <= LeastShares) return 1;
        if (shares >= MostShares) return 10_000;
        double log = Math.Log2(shares);
        return (long)Math.Ceiling(Math.Pow(10, (log * log + 125 * log) / 612 - 7.0 / 34));
    }
}
