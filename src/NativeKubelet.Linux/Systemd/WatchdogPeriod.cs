using System.Globalization;

namespace NativeKubelet.Linux.Systemd;

/// <summary>The service manager's WatchdogSec= as a service learns it (sd_watchdog_enabled(3)).</summary>
public static class WatchdogPeriod
{
    /// <summary>Less leaves no time to look at anything: half of it passes between two signs of life.</summary>
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(1);

    /// <param name="microseconds">WATCHDOG_USEC; null or empty: there is none.</param>
    /// <param name="pid">WATCHDOG_PID: whom it is for; null or empty: whoever reads it.</param>
    /// <returns>Null where no sign of life is waited for.</returns>
    /// <exception cref="FormatException">It is no period, or one of at most a second.</exception>
    public static TimeSpan? Parse(string? microseconds, string? pid, int ownPid)
    {
        if (string.IsNullOrEmpty(microseconds)) return null;
        if (!string.IsNullOrEmpty(pid))
        {
            if (!int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out int meant)) throw new FormatException($"configure watchdog: WATCHDOG_PID={pid} is no process number");
            if (meant != ownPid) return null;
        }
        // 2^63 ticks of a TimeSpan are fewer than a ulong of microseconds.
        if (!ulong.TryParse(microseconds, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) || value > long.MaxValue / TimeSpan.TicksPerMicrosecond)
            throw new FormatException($"configure watchdog: WATCHDOG_USEC={microseconds} is no number of microseconds");
        TimeSpan period = TimeSpan.FromTicks((long)value * TimeSpan.TicksPerMicrosecond);
        return period > Least ? period : throw new FormatException($"configure watchdog timeout too small: {period.TotalSeconds} s; set WatchdogSec= above 1 s");
    }
}
