using System.Globalization;

namespace NativeKubelet.Core.Containers;

/// <summary>Signals by the names that images use (signal(7); equal numbers on amd64 and arm64).</summary>
public static class StopSignal
{
    public const int Term = 15, Kill = 9;

    private const int RealTimeMin = 34, RealTimeMax = 64;

    private static readonly string[] Names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD",
        "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <param name="text">SIGTERM, TERM, 15, SIGRTMIN+3, SIGRTMAX-1; empty means SIGTERM.</param>
    /// <returns>Null when it names no signal.</returns>
    public static int? Parse(string text)
    {
        if (text.Length == 0) return Term;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)) return number is >= 1 and <= RealTimeMax ? number : null;

        string name = text.ToUpperInvariant();
        if (name.StartsWith("SIG", StringComparison.Ordinal)) name = name[3..];
        if (name.StartsWith("RTMIN", StringComparison.Ordinal)) return RealTime(name[5..], RealTimeMin, '+');
        if (name.StartsWith("RTMAX", StringComparison.Ordinal)) return RealTime(name[5..], RealTimeMax, '-');
        int index = Array.IndexOf(Names, name);
        return index > 0 ? index : null;
    }

    private static int? RealTime(string offset, int from, char sign)
    {
        if (offset.Length == 0) return from;
        if (offset[0] != sign || !int.TryParse(offset[1..], NumberStyles.None, CultureInfo.InvariantCulture, out int n)) return null;
        int signal = sign == '+' ? from + n : from - n;
        return signal is >= RealTimeMin and <= RealTimeMax ? signal : null;
    }
}
