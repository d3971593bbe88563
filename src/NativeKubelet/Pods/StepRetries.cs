using NativeKubelet.Core.Pods;

namespace NativeKubelet.Pods;

/// <summary>
/// Steps that failed as a whole, and when they may be repeated: one second after the first time, doubling to ten. One worker's.
/// </summary>
internal sealed class StepRetries
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromSeconds(10);

    private readonly Dictionary<Type, (int Count, DateTimeOffset At)> _failed = [];

    public void Failed(PodStep step, DateTimeOffset now)
    {
        int count = _failed.GetValueOrDefault(step.GetType()).Count + 1;
        double seconds = First.TotalSeconds * Math.Pow(2, Math.Min(count - 1, 10));
        _failed[step.GetType()] = (count, now + TimeSpan.FromSeconds(Math.Min(seconds, Longest.TotalSeconds)));
    }

    public void Succeeded(PodStep step) => _failed.Remove(step.GetType());

    /// <summary>Something was asked for that may change everything: nothing waits any longer.</summary>
    public void Clear() => _failed.Clear();

    public bool Blocks(PodStep step, DateTimeOffset now) => _failed.TryGetValue(step.GetType(), out (int, DateTimeOffset At) failure) && failure.At > now;

    /// <summary>When the first of these steps may be repeated; null when none waits.</summary>
    public DateTimeOffset? WakeAt(IEnumerable<PodStep> steps, DateTimeOffset now)
    {
        DateTimeOffset? first = null;
        foreach (PodStep step in steps)
            if (Blocks(step, now) && _failed[step.GetType()].At is var at && !(first <= at)) first = at;
        return first;
    }
}
