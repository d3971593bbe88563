using System.Diagnostics;
using System.Globalization;
using NativeKubelet.Linux.Cgroups;

namespace NativeKubelet.Tests.Bench;

/// <summary>One line of the result.</summary>
/// <param name="Beside">What the same thing costs elsewhere, measured in this run; empty where nothing is comparable.</param>
/// <param name="Budget">What it may cost (docs/architecture.md).</param>
/// <param name="Met">Null where there is no budget.</param>
public sealed record Figure(string What, string Value, string Beside = "", string Budget = "", bool? Met = null);

/// <summary>Figures as they come, and the arithmetic on samples.</summary>
public sealed class Figures(TextWriter to)
{
    private readonly List<Figure> _judged = [];
    private readonly long _begun = Stopwatch.GetTimestamp();

    /// <summary>Under which conditions, and the head of the table.</summary>
    public void Heading()
    {
        string runc = Tool("/usr/sbin/runc", "--version").Split('\n')[0];
        to.WriteLine($"Linux {Environment.OSVersion.Version.ToString(2)}, {Environment.ProcessorCount} CPUs, cgroup {CgroupLayout.Detect().Mode}, {runc}, load at the start {Load()}.");
        to.WriteLine();
        to.WriteLine("| what | here | beside it, same run | budget | met |");
        to.WriteLine("|---|---|---|---|---|");
    }

    public void Add(Figure figure)
    {
        to.WriteLine($"| {figure.What} | {figure.Value} | {figure.Beside} | {figure.Budget} | {figure.Met switch { true => "yes", false => "**no**", null => "" }} |");
        to.Flush();
        if (figure.Met is not null) _judged.Add(figure);
    }

    /// <summary>One part; a fault of it is a missed figure, and the other parts go on.</summary>
    public async Task PartAsync(string name, Func<Task> part)
    {
        try
        {
            await part();
        }
        catch (Exception e)
        {
            Add(new($"{name} could not be measured", e.Message.Split('\n')[0].Replace('|', '/'), "", "measured", false));
        }
    }

    /// <returns>The exit code: 1 when a budget was missed.</returns>
    public int Conclude()
    {
        Figure[] missed = [.. _judged.Where(f => f.Met == false)];
        to.WriteLine();
        to.WriteLine($"{_judged.Count - missed.Length} of {_judged.Count} budgets met in {Stopwatch.GetElapsedTime(_begun).TotalMinutes:0.0} min, load at the end {Load()}.");
        foreach (Figure figure in missed) to.WriteLine($"Missed: {figure.What}: {figure.Value} (budget {figure.Budget})");
        return missed.Length == 0 ? 0 : 1;
    }

    public static double Median(IReadOnlyCollection<double> samples) => Percentile(samples, 50);

    /// <summary>By nearest rank.</summary>
    public static double Percentile(IReadOnlyCollection<double> samples, double percent)
    {
        double[] sorted = [.. samples.Order()];
        return sorted[Math.Clamp((int)Math.Ceiling(sorted.Length * percent / 100) - 1, 0, sorted.Length - 1)];
    }

    public static string Ms(double milliseconds) => milliseconds.ToString(milliseconds < 10 ? "0.0" : "0", CultureInfo.InvariantCulture) + " ms";

    public static string Mb(long kibibytes) => (kibibytes / 1024.0).ToString("0.0", CultureInfo.InvariantCulture) + " MiB";

    /// <summary>RSS (anonymous) of a process.</summary>
    public static string Resident(int pid) => $"{Mb(Costs.Memory(pid, "Rss"))} ({Mb(Costs.Memory(pid, "Anonymous"))})";

    public static string Ratio(double a, double b) => (a / b).ToString("0.00", CultureInfo.InvariantCulture) + " ×";

    private static string Load() => File.ReadAllText("/proc/loadavg").Split(' ')[0];

    private static string Tool(string program, string argument)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, argument) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd();
    }
}
