namespace NativeKubelet.Pods;

/// <summary>
/// Counts on from the moment of its making by the monotonic clock: readable as a date, and no step of the wall clock moves it.
/// </summary>
internal sealed class SteadyClock(TimeProvider time)
{
    private readonly DateTimeOffset _origin = time.GetUtcNow();
    private readonly long _start = time.GetTimestamp();

    public DateTimeOffset Now => _origin + time.GetElapsedTime(_start);
}
