using System.Collections.Immutable;

namespace NativeKubelet.Pods;

/// <summary>
/// Whether the loops that own the pods still come round. Nothing is sent through them to find out: each says when it begins
/// and ends a turn, and one that is in the same turn for too long is stuck, whatever holds it.
/// </summary>
public sealed class LoopTurns(TimeProvider time)
{
    private ImmutableArray<Loop> _loops = [];

    /// <param name="name">For whoever is told that it is stuck.</param>
    /// <param name="least">How often it has a turn at least; null: only when something happened.</param>
    public Loop Add(string name, TimeSpan? least = null)
    {
        Loop loop = new(name, least, time);
        ImmutableInterlocked.Update(ref _loops, static (all, added) => all.Add(added), loop);
        return loop;
    }

    /// <param name="patience">How long a turn may last, or be overdue.</param>
    /// <returns>The loop's name; null while all come round.</returns>
    public string? Stuck(TimeSpan patience) => _loops.FirstOrDefault(l => l.IsStuck(patience))?.Name;

    /// <summary>One loop's own mark; only that loop writes it.</summary>
    public sealed class Loop
    {
        private readonly TimeSpan? _least;
        private readonly TimeProvider _time;
        private long _mark;      // when the turn began, or the last one ended
        private volatile bool _inTurn;

        internal Loop(string name, TimeSpan? least, TimeProvider time) => (Name, _least, _time, _mark) = (name, least, time, time.GetTimestamp());

        public string Name { get; }

        public void Begin()
        {
            Volatile.Write(ref _mark, _time.GetTimestamp());
            _inTurn = true;
        }

        public void End()
        {
            Volatile.Write(ref _mark, _time.GetTimestamp());
            _inTurn = false;
        }

        internal bool IsStuck(TimeSpan patience)
        {
            TimeSpan since = _time.GetElapsedTime(Volatile.Read(ref _mark));
            return _inTurn ? since > patience : _least is { } least && since - least > patience;
        }
    }
}
