using NativeKubelet.Linux.Systemd;

namespace NativeKubelet.Tests.Unit.Linux.Systemd;

public sealed class WatchdogPeriodTests
{
    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("30000000", "8")]
    public void Without_a_period_for_this_process_no_sign_is_waited_for(string? microseconds, string? pid) => Assert.Null(WatchdogPeriod.Parse(microseconds, pid, 7));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("7")]
    public void A_period_for_this_process_counts(string? pid) => Assert.Equal(TimeSpan.FromSeconds(30), WatchdogPeriod.Parse("30000000", pid, 7));

    [Theory]
    [InlineData("1000000", null, "too small")]
    [InlineData("0", null, "too small")]
    [InlineData("-5", null, "WATCHDOG_USEC")]
    [InlineData("5s", null, "WATCHDOG_USEC")]
    [InlineData("18446744073709551615", null, "WATCHDOG_USEC")]
    [InlineData("30000000", "me", "WATCHDOG_PID")]
    public void What_cannot_be_kept_is_refused_by_name(string microseconds, string? pid, string named) =>
        Assert.Contains(named, Assert.Throws<FormatException>(() => WatchdogPeriod.Parse(microseconds, pid, 7)).Message, StringComparison.Ordinal);
}
