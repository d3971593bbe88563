namespace NativeKubelet.Pods;

/// <summary>Rings once at a moment of a steady clock.</summary>
internal sealed class PodAlarm(TimeProvider time, SteadyClock clock, Action ring) : IDisposable
{
    /// <summary>Timers take no more than 49 days; a deadline may be years away.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    private readonly ITimer _timer = time.CreateTimer(_ => ring(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <param name="moment">Null or the end of time: never.</param>
    public void Set(DateTimeOffset? moment)
    {
        if (moment is not { } at || at == DateTimeOffset.MaxValue)
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return;
        }
        // Timers count whole milliseconds; one that rang too early would only go round once more.
        TimeSpan due = at - clock.Now + TimeSpan.FromMilliseconds(1);
        _timer.Change(due < TimeSpan.Zero ? TimeSpan.Zero : due > Longest ? Longest : due, Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();
}
