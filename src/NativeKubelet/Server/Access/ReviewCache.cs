namespace NativeKubelet.Server.Access;

/// <summary>
/// Answers that are had from elsewhere, each for a while. Who asks the same at the same time gets the same answer; a question that
/// failed is asked anew. The oldest give way when there are too many.
/// </summary>
/// <param name="lifeOf">How long an answer holds.</param>
internal sealed class ReviewCache<T>(int most, Func<T, TimeSpan> lifeOf, TimeProvider time) where T : class
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Queue<string> _order = [];

    public int Count
    {
        get
        {
            lock (_gate) return _entries.Count;
        }
    }

    public Task<T> GetAsync(string key, Func<Task<T>> ask)
    {
        Entry entry;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out Entry? known))
            {
                if (known.Holds(time)) return known.Answer.Value;
            }
            else
            {
                while (_entries.Count >= most && _order.TryDequeue(out string? oldest)) _entries.Remove(oldest);
                _order.Enqueue(key);
            }
            // Asked outside of the gate: others need not wait for it.
            entry = new Entry();
            entry.Answer = new(() => AskAsync(key, entry, ask));
            _entries[key] = entry;
        }
        return entry.Answer.Value;
    }

    private async Task<T> AskAsync(string key, Entry entry, Func<Task<T>> ask)
    {
        try
        {
            T answer = await ask();
            entry.Keep(time.GetTimestamp(), lifeOf(answer));
            return answer;
        }
        catch
        {
            entry.Keep(time.GetTimestamp(), TimeSpan.Zero);
            throw;
        }
    }

    private sealed class Entry
    {
        private readonly Lock _gate = new();
        private (long At, TimeSpan Life)? _kept;

        public Lazy<Task<T>> Answer { get; set; } = null!;

        public void Keep(long at, TimeSpan life)
        {
            lock (_gate) _kept = (at, life);
        }

        /// <summary>It is on its way, or young enough.</summary>
        public bool Holds(TimeProvider time)
        {
            lock (_gate) return _kept is not { } kept || time.GetElapsedTime(kept.At) < kept.Life;
        }
    }
}
