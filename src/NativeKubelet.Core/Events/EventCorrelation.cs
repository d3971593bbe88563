namespace NativeKubelet.Core.Events;

/// <param name="Type">Normal or Warning.</param>
/// <param name="Object">What it is about, with the UID: another of the same name is another.</param>
/// <param name="Container">Empty when it is about the object as a whole.</param>
public readonly record struct EventSubject(string Type, string Reason, string Object, string Uid, string Container, string Message);

/// <summary>What becomes of an event: one more of what is known under that key, or nothing.</summary>
/// <param name="Key">Equal keys are one event with a count. The message may be another each time.</param>
public readonly record struct EventVerdict(EventSubject Key, string Message, bool Told);

/// <summary>
/// Keeps one sick object from drowning all others, by the rules that users know (client-go's): events that differ in their message
/// alone become one from the tenth on, and of one object no more are told than a burst and then one every five minutes.
/// Without a clock of its own; used under its owner's lock.
/// </summary>
public sealed class EventCorrelation
{
    private const int MostAlike = 10, Burst = 25, MostKept = 4096;
    private static readonly TimeSpan AlikeFor = TimeSpan.FromMinutes(10), Refill = TimeSpan.FromMinutes(5);

    private readonly RecentTable<(string Type, string Reason, string Object, string Uid), Alike> _alike = new(MostKept);
    private readonly RecentTable<(string Type, string Object, string Uid), Allowance> _allowances = new(MostKept);

    /// <param name="now">Of a clock that does not jump.</param>
    public EventVerdict Judge(EventSubject subject, DateTimeOffset now)
    {
        bool combined = IsOneOfMany(subject, now);
        bool told = TryTake((subject.Type, subject.Object, subject.Uid), now);
        return combined
            ? new(subject with { Container = "", Message = "" }, $"(combined from similar events): {subject.Message}", told)
            : new(subject, subject.Message, told);
    }

    private bool IsOneOfMany(EventSubject subject, DateTimeOffset now)
    {
        var key = (subject.Type, subject.Reason, subject.Object, subject.Uid);
        Alike alike = _alike.Find(key) is { } known && now - known.Last <= AlikeFor ? known : new();
        alike.Last = now;
        alike.Messages.Add(subject.Message);
        _alike.Put(key, alike);
        if (alike.Messages.Count < MostAlike) return false;
        // The set does not grow any further; which one it forgets does not matter.
        alike.Messages.Remove(alike.Messages.First());
        return true;
    }

    private bool TryTake((string Type, string Object, string Uid) key, DateTimeOffset now)
    {
        Allowance before = _allowances.Find(key) ?? new(Burst, now);
        double left = Math.Min(Burst, before.Left + ((now - before.At) / Refill));
        bool told = left >= 1;
        _allowances.Put(key, new(told ? left - 1 : left, now));
        return told;
    }

    private sealed class Alike
    {
        public HashSet<string> Messages { get; } = new(StringComparer.Ordinal);

        public DateTimeOffset Last { get; set; }
    }

    private sealed record Allowance(double Left, DateTimeOffset At);
}
