namespace NativeKubelet.Runtime.Images.Store;

/// <summary>One worker at a time per key; others wait and then find the work done. A waiter that gives up disturbs nobody.</summary>
internal sealed class KeyedLock
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public async Task<IDisposable> TakeAsync(string key, CancellationToken cancel)
    {
        Entry? entry;
        lock (_entries)
        {
            if (!_entries.TryGetValue(key, out entry)) _entries[key] = entry = new Entry(this, key);
            entry.Users++;
        }
        try
        {
            await entry.Gate.WaitAsync(cancel);
            return entry;
        }
        catch
        {
            Leave(entry);
            throw;
        }
    }

    private void Leave(Entry entry)
    {
        lock (_entries)
            if (--entry.Users == 0)
            {
                _entries.Remove(entry.Key);
                entry.Gate.Dispose();
            }
    }

    private sealed class Entry(KeyedLock owner, string key) : IDisposable
    {
        public string Key { get; } = key;
        public SemaphoreSlim Gate { get; } = new(1, 1);
        public int Users;

        public void Dispose()
        {
            Gate.Release();
            owner.Leave(this);
        }
    }
}
