using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Systemd;

namespace NativeKubelet.Tests.Unit.Linux.Systemd;

public sealed class UnitLimitsTests
{
    private static readonly CgroupValues Pod = new(CpuShares: 256, CpuWeight: 10, CpuQuota: 50_000, CpuPeriod: 100_000, Memory: 134_217_728, Pids: 100);

    [Theory]
    [InlineData(true, "CPUWeight=10 CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=500000 MemoryMax=134217728 TasksMax=100")]
    [InlineData(false, "CPUShares=256 CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=500000 MemoryLimit=134217728 TasksMax=100")]
    public void Each_version_has_its_properties(bool unified, string expected) => Assert.Equal(expected, Text(Pod, unified, 252));

    [Fact]
    public void An_old_systemd_is_not_told_the_period() => Assert.DoesNotContain("PeriodUSec", Text(Pod, true, 239), StringComparison.Ordinal);

    [Fact]
    public void No_limit_is_infinity() => Assert.Equal(
        "CPUQuotaPerSecUSec=18446744073709551615 MemoryMax=18446744073709551615 TasksMax=18446744073709551615",
        Text(new(CpuQuota: -1, Memory: -1, Pids: -1), true, 252));

    [Theory]
    [InlineData(33_300, 100_000, 340_000, 34_000)]
    [InlineData(1_000, 100_000, 10_000, 1_000)]
    [InlineData(1_001, 100_000, 20_000, 2_000)]
    [InlineData(12_345, 50_000, 250_000, 12_500)]
    public void A_quota_is_a_whole_percentage_upwards_in_both_places(long quota, long period, long perSecond, long file)
    {
        CgroupValues values = new(CpuQuota: quota, CpuPeriod: period);

        Assert.EndsWith($"CPUQuotaPerSecUSec={perSecond}", Text(values, true, 252), StringComparison.Ordinal);
        Assert.Equal(file, UnitLimits.Rounded(values).CpuQuota);
    }

    [Fact]
    public void What_has_no_quota_is_not_rounded() => Assert.Equal(-1, UnitLimits.Rounded(new(CpuQuota: -1)).CpuQuota);

    private static string Text(CgroupValues values, bool unified, int version) =>
        string.Join(' ', UnitLimits.For(values, unified, version).Select(p => $"{p.Name}={p.Value}"));
}
