namespace NativeKubelet.Core.Pods;

/// <summary>
/// Waits between restarts of one container. The first restart is immediate, then 10, 20, 40 … 300 s, each counted
/// from the exit; a run longer than ten minutes starts over.
/// </summary>
public sealed record CrashBackoff(TimeSpan Initial, TimeSpan Max)
{
    private static readonly TimeSpan Recovered = TimeSpan.FromMinutes(10);

    public static readonly CrashBackoff Default = Of(TimeSpan.FromSeconds(300));

    /// <summary>A ceiling under 10 s lowers the first wait too (crashLoopBackOff.maxContainerRestartPeriod).</summary>
    public static CrashBackoff Of(TimeSpan max)
    {
        TimeSpan initial = TimeSpan.FromSeconds(10);
        return new(max < initial ? max : initial, max);
    }

    /// <param name="step">Waits already served in a row.</param>
    public TimeSpan Delay(int step)
    {
        if (step <= 0)
            return TimeSpan.Zero;
        double seconds = Initial.TotalSeconds * Math.Pow(2, Math.Min(step - 1, 62));
        return seconds >= Max.TotalSeconds ? Max : TimeSpan.FromSeconds(seconds);
    }

    /// <summary>The step that counts after an instance ran for <paramref name="ran"/>.</summary>
    public static int StepAfter(int step, TimeSpan ran) => ran > Recovered ? 0 : step;
}
