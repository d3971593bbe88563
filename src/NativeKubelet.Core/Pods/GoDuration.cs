using System.Text;

namespace NativeKubelet.Core.Pods;

/// <summary>Durations as the field's messages write them: 10s, 1m20s, 5m0s, 1.25s, 350ms.</summary>
public static class GoDuration
{
    public static string Format(TimeSpan duration)
    {
        if (duration < TimeSpan.Zero)
            return "-" + Format(duration.Negate());
        if (duration < TimeSpan.FromSeconds(1))
            return duration == TimeSpan.Zero ? "0s"
                : duration < TimeSpan.FromMilliseconds(1) ? $"{duration.TotalMicroseconds:0.###}µs" : $"{duration.TotalMilliseconds:0.######}ms";
        StringBuilder text = new();
        long hours = (long)duration.TotalHours;
        if (hours > 0)
            text.Append(hours).Append('h');
        if (duration.TotalMinutes >= 1)
            text.Append(duration.Minutes).Append('m');
        decimal seconds = (decimal)(duration.Ticks % TimeSpan.TicksPerMinute) / TimeSpan.TicksPerSecond;
        return text.Append(seconds.ToString("0.#######")).Append('s').ToString();
    }
}
