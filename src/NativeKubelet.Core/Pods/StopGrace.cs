namespace NativeKubelet.Core.Pods;

/// <summary>How the time that a container has to end is shared between its hook, its turn and its stop signal.</summary>
public static class StopGrace
{
    /// <summary>However much of it hooks and turns used up: a container that is told to stop has time to react.</summary>
    private static readonly TimeSpan AfterSignal = TimeSpan.FromSeconds(2);

    /// <summary>What is left after a part took its time; begun seconds are not charged.</summary>
    public static TimeSpan Left(TimeSpan grace, TimeSpan elapsed)
    {
        TimeSpan left = grace - TimeSpan.FromSeconds(Math.Floor(elapsed.TotalSeconds));
        return left < TimeSpan.Zero ? TimeSpan.Zero : left;
    }

    /// <summary>Between the stop signal and SIGKILL.</summary>
    public static TimeSpan ForSignal(TimeSpan left) => left < AfterSignal ? AfterSignal : left;
}
