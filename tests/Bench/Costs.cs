using System.Globalization;

namespace NativeKubelet.Tests.Bench;

/// <summary>What a process takes, as the kernel counts it.</summary>
internal static class Costs
{
    /// <summary>KiB.</summary>
    /// <param name="field">Rss, Pss, Anonymous.</param>
    public static long Memory(int pid, string field) => long.Parse(
        File.ReadLines($"/proc/{pid}/smaps_rollup").Single(l => l.StartsWith(field + ":", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    /// <summary>Seconds of a program with one thread, by the scheduler's own count: /proc/PID/stat has only hundredths.</summary>
    public static double OfOneThread(int pid) => long.Parse(File.ReadAllText($"/proc/{pid}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture) / 1e9;

    /// <summary>Seconds, with those of threads that have ended.</summary>
    public static double Cpu(int pid)
    {
        string[] fields = File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / 100.0;
    }

    public static long Written(int pid) =>
        long.Parse(File.ReadLines($"/proc/{pid}/io").Single(l => l.StartsWith("write_bytes:", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture);
}
