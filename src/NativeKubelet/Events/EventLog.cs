using System.Collections.Immutable;
using NativeKubelet.Core.Events;

namespace NativeKubelet.Events;

public enum EventType { Normal, Warning }

/// <param name="Object">What it is about: <c>pod/NAMESPACE/NAME</c> or <c>node/NAME</c>.</param>
/// <param name="Container">Empty when it is about the object as a whole.</param>
/// <param name="Count">How often the same, or much alike, was said; <see cref="At"/> is the last time.</param>
/// <param name="Number">Grows by one with everything recorded; a repetition gets a new one.</param>
public sealed record NodeEvent(
    long Number, DateTimeOffset First, DateTimeOffset At, EventType Type, string Reason, string Object, string PodUid, string Container, string Message, int Count)
{
    /// <summary>Entries of one key are one event; its message may be another each time.</summary>
    internal EventSubject Key { get; init; }

    /// <summary>The part of the object, as the API names it; empty when it is about the whole.</summary>
    internal string FieldPath { get; init; } = "";
}

/// <summary>The node's last events, for people and for the cluster: a ring, so that a crash loop fills no memory.</summary>
public sealed class EventLog(TimeProvider time)
{
    private const int Capacity = 1000;
    private readonly Lock _gate = new();
    private readonly EventCorrelation _correlation = new();      // under _gate
    private readonly DateTimeOffset _origin = time.GetUtcNow();
    private readonly long _begun = time.GetTimestamp();
    private ImmutableList<NodeEvent> _events = [];
    private long _last;
    private TaskCompletionSource _changed = New();

    /// <summary>Oldest first.</summary>
    public ImmutableList<NodeEvent> Events => Volatile.Read(ref _events);

    /// <summary>What is too much of one object (<see cref="EventCorrelation"/>) is not kept, and nobody is told of it.</summary>
    /// <param name="fieldPath">The container as the API names it; empty where nobody knows its pod.</param>
    /// <returns>How often the same has been said by now; 0 when it is not kept.</returns>
    public int Record(EventType type, string reason, string about, string podUid, string container, string message, string fieldPath = "")
    {
        TaskCompletionSource ring;
        NodeEvent entry;
        lock (_gate)
        {
            DateTimeOffset now = time.GetUtcNow();
            EventVerdict verdict = _correlation.Judge(new(type.ToString(), reason, about, podUid, container, message), _origin + time.GetElapsedTime(_begun));
            if (!verdict.Told) return 0;
            int same = _events.FindLastIndex(e => e.Key == verdict.Key);
            entry = same < 0
                ? new(++_last, now, now, type, reason, about, podUid, container, verdict.Message, 1) { Key = verdict.Key, FieldPath = fieldPath }
                : _events[same] with { Number = ++_last, At = now, Message = verdict.Message, Count = _events[same].Count + 1 };
            ImmutableList<NodeEvent> events = same < 0 ? _events : _events.RemoveAt(same);
            if (events.Count == Capacity) events = events.RemoveAt(0);
            Volatile.Write(ref _events, events.Add(entry));
            ring = _changed;
            Volatile.Write(ref _changed, New());
        }
        ring.SetResult();
        return entry.Count;
    }

    /// <returns>Events numbered above <paramref name="after"/>, at least one.</returns>
    public async Task<ImmutableArray<NodeEvent>> NextAsync(long after, CancellationToken cancel)
    {
        while (true)
        {
            Task changed = Volatile.Read(ref _changed).Task;
            ImmutableArray<NodeEvent> news = [.. Events.Where(e => e.Number > after)];
            if (!news.IsEmpty) return news;
            await changed.WaitAsync(cancel).ConfigureAwait(false);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
