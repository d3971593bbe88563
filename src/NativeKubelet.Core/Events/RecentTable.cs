namespace NativeKubelet.Core.Events;

/// <summary>A table that forgets what was put into it longest ago.</summary>
internal sealed class RecentTable<TKey, TValue>(int most)
    where TKey : notnull where TValue : class
{
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value)>> _byKey = [];
    private readonly LinkedList<(TKey Key, TValue Value)> _byAge = [];

    public TValue? Find(TKey key) => _byKey.TryGetValue(key, out LinkedListNode<(TKey Key, TValue Value)>? node) ? node.Value.Value : null;

    public void Put(TKey key, TValue value)
    {
        if (_byKey.Remove(key, out LinkedListNode<(TKey Key, TValue Value)>? before)) _byAge.Remove(before);
        else if (_byKey.Count == most)
        {
            _byKey.Remove(_byAge.First!.Value.Key);     // there is one: the table is full
            _byAge.RemoveFirst();
        }
        _byKey[key] = _byAge.AddLast((key, value));
    }
}
