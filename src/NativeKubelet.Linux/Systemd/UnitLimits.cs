using System.Collections.Immutable;
using NativeKubelet.Linux.Cgroups;

namespace NativeKubelet.Linux.Systemd;

/// <summary>
/// A group's values → the properties by which systemd keeps them, also when it writes all of a group's files anew
/// (daemon-reload). What it does not know (huge pages) is not here. Pure.
/// </summary>
public static class UnitLimits
{
    /// <summary>The first release that takes CPUQuotaPeriodUSec.</summary>
    private const int PeriodSince = 242;

    private const long Second = 1_000_000, DefaultPeriod = 100_000, QuotaStep = 10_000;

    /// <param name="version">systemd's release.</param>
    public static ImmutableArray<UnitProperty> For(CgroupValues values, bool unified, int version)
    {
        ImmutableArray<UnitProperty>.Builder list = ImmutableArray.CreateBuilder<UnitProperty>();
        if (unified && values.CpuWeight is { } weight) list.Add(UnitProperty.Number("CPUWeight", (ulong)weight));
        if (!unified && values.CpuShares is { } shares) list.Add(UnitProperty.Number("CPUShares", (ulong)shares));
        if (values.CpuQuota is { } quota)
        {
            if (values.CpuPeriod is { } period && version >= PeriodSince) list.Add(UnitProperty.Number("CPUQuotaPeriodUSec", (ulong)period));
            list.Add(UnitProperty.Number("CPUQuotaPerSecUSec", quota <= 0 ? UnitProperty.Infinity : (ulong)PerSecond(quota, values.CpuPeriod ?? DefaultPeriod)));
        }
        if (values.Memory is { } memory) list.Add(UnitProperty.Number(unified ? "MemoryMax" : "MemoryLimit", memory < 0 ? UnitProperty.Infinity : (ulong)memory));
        if (values.Pids is { } pids) list.Add(UnitProperty.Number("TasksMax", pids > 0 ? (ulong)pids : UnitProperty.Infinity));
        return list.ToImmutable();
    }

    /// <summary>The same values with the quota as systemd will write it, so that a file that both write says one thing.</summary>
    public static CgroupValues Rounded(CgroupValues values) => values.CpuQuota is > 0 and { } quota && (values.CpuPeriod ?? DefaultPeriod) is var period
        ? values with { CpuQuota = PerSecond(quota, period) * period / Second } : values;

    // Whole percents: systemd rounds down to them when it writes, so that what was asked for would not be had.
    private static long PerSecond(long quota, long period) => (quota * Second / period + QuotaStep - 1) / QuotaStep * QuotaStep;
}
