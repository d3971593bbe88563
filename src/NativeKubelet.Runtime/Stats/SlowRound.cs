namespace NativeKubelet.Runtime.Stats;

/// <summary>
/// A measurement that may take long: made when somebody asks, at most once a period, on a thread of its own. What does not answer holds up
/// that round and whoever waits for it, nobody else.
/// </summary>
/// <param name="none">What is known before the first round, and after one that failed.</param>
/// <param name="period">Below zero nothing is measured.</param>
internal sealed class SlowRound<T>(T none, Func<T> measure, TimeSpan period, TimeProvider time) where T : class
{
    private readonly Lock _gate = new();
    private T? _current;       // null: as good as none
    private long? _measured;
    private Task<T>? _round;

    /// <summary>The last round, however old; for those who must not wait.</summary>
    public T Current
    {
        get
        {
            lock (_gate) return _current ?? none;
        }
    }

    /// <returns>A round that is no older than the period. All who ask meanwhile wait for the same one.</returns>
    public Task<T> LatestAsync(CancellationToken cancel)
    {
        lock (_gate)
        {
            if (period < TimeSpan.Zero || _measured is { } at && time.GetElapsedTime(at) < period) return Task.FromResult(_current ?? none);
            _round ??= Task.Factory.StartNew(Measure, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return _round.WaitAsync(cancel);
        }
    }

    private T Measure()
    {
        T? round = null;
        try
        {
            return round = measure();
        }
        finally
        {
            lock (_gate) (_current, _measured, _round) = (round, time.GetTimestamp(), null);
        }
    }
}
