using System.Globalization;

namespace NativeKubelet.Tests.Bench;

/// <summary>One line of the result.</summary>
/// <param name="Beside">What the same thing costs elsewhere, measured in this run; empty where nothing is comparable.</param>
/// <param name="Budget">What it may cost (docs/architecture.md).</param>
/// <param name="Met">Null where there is no budget.</param>
public sealed record Figure(string What, string Value, string Beside = "", string Budget = "", bool? Met = null);

/// <summary>Figures as they come, and the arithmetic on samples.</summary>
public sealed class Figures(TextWriter to)
{
    public void Heading()
    {
        to.WriteLine("| what | here | beside it, same run | budget | met |");
        to.WriteLine("|---|---|---|---|---|");
    }

    public void Add(Figure figure)
    {
        to.WriteLine($"| {figure.What} | {figure.Value} | {figure.Beside} | {figure.Budget} | {figure.Met switch { true => "yes", false => "**no**", null => "" }} |");
        to.Flush();
    }

    public static double Median(IReadOnlyCollection<double> samples) => Percentile(samples, 50);

    public static double Percentile(IReadOnlyCollection<double> samples, double percent)
    {
        double[] sorted = [.. samples.Order()];
        return sorted[(int)Math.Min(sorted.Length - 1, Math.Ceiling(sorted.Length * percent / 100) - (percent == 50 && sorted.Length % 2 == 1 ? 1 : 0))];
    }

    public static string Ms(double milliseconds) => milliseconds.ToString(milliseconds < 10 ? "0.0" : "0", CultureInfo.InvariantCulture) + " ms";

    public static string Mb(long kibibytes) => (kibibytes / 1024.0).ToString("0.0", CultureInfo.InvariantCulture) + " MiB";

    public static string Ratio(double a, double b) => (a / b).ToString("0.00", CultureInfo.InvariantCulture) + " ×";
}
