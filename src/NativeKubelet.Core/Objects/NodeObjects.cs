using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Core.Objects;

/// <summary>An object that was left as it is, or left out, and why.</summary>
public sealed record ObjectConflict(string Origin, ObjectKey Key, string Message);

/// <summary>All objects that pods of this node may refer to at a moment; immutable.</summary>
public sealed class NodeObjects
{
    private readonly ImmutableDictionary<ObjectKey, NodeObject> _all;

    private NodeObjects(ImmutableDictionary<ObjectKey, NodeObject> all) => _all = all;

    public static NodeObjects Empty { get; } = new(ImmutableDictionary<ObjectKey, NodeObject>.Empty);

    public V1ConfigMap? ConfigMap(string @namespace, string name) => Find<V1ConfigMap>(ObjectKey.ConfigMap(@namespace, name));

    public V1Secret? Secret(string @namespace, string name) => Find<V1Secret>(ObjectKey.Secret(@namespace, name));

    public V1PersistentVolumeClaim? Claim(string @namespace, string name) => Find<V1PersistentVolumeClaim>(ObjectKey.Claim(@namespace, name));

    public V1PersistentVolume? Volume(string name) => Find<V1PersistentVolume>(ObjectKey.Volume(name));

    /// <summary>Those of these names that there are, and the volumes of the claims among them.</summary>
    public IEnumerable<NodeObject> Among(IEnumerable<ObjectKey> keys)
    {
        foreach (ObjectKey key in keys)
        {
            if (_all.GetValueOrDefault(key) is not { } found) continue;
            yield return found;
            if (found.Model is V1PersistentVolumeClaim { Spec.VolumeName: { Length: > 0 } volume } && _all.TryGetValue(ObjectKey.Volume(volume), out NodeObject? bound)) yield return bound;
        }
    }

    /// <summary>All PersistentVolumes by name: a claim may find its volume among them.</summary>
    public IEnumerable<V1PersistentVolume> Volumes =>
        _all.Values.Select(o => o.Model).OfType<V1PersistentVolume>().OrderBy(v => v.Metadata.Name, StringComparer.Ordinal);

    /// <summary>All claims by namespace and name: a volume belongs to one of them at most.</summary>
    public IEnumerable<V1PersistentVolumeClaim> Claims =>
        _all.Values.Select(o => o.Model).OfType<V1PersistentVolumeClaim>()
            .OrderBy(c => c.Metadata.NamespaceProperty, StringComparer.Ordinal).ThenBy(c => c.Metadata.Name, StringComparer.Ordinal);

    /// <summary>What takes the place of this snapshot when exactly these objects are defined.</summary>
    /// <param name="defined">In the order in which the first of two with one name counts.</param>
    /// <returns>The new snapshot, the keys that mean something else now (came, went, changed), and what did not count.</returns>
    public (NodeObjects Next, ImmutableHashSet<ObjectKey> Changed, ImmutableArray<ObjectConflict> Conflicts) Replaced(IEnumerable<NodeObject> defined)
    {
        ImmutableDictionary<ObjectKey, NodeObject>.Builder next = ImmutableDictionary.CreateBuilder<ObjectKey, NodeObject>();
        ImmutableArray<ObjectConflict>.Builder conflicts = ImmutableArray.CreateBuilder<ObjectConflict>();
        foreach (NodeObject found in defined)
        {
            NodeObject? before = _all.GetValueOrDefault(found.Key);
            if (next.TryGetValue(found.Key, out NodeObject? first))
                conflicts.Add(new(found.Origin, found.Key, $"{found.Key} is defined by {first.Origin} already; this definition has no effect"));
            else if (before is { Immutable: true } && before.Content != found.Content)
            {
                conflicts.Add(new(found.Origin, found.Key, $"{found.Key} is immutable: its change has no effect until it has been removed and defined anew"));
                next.Add(found.Key, before);
            }
            else
                next.Add(found.Key, before is not null && before.Content == found.Content && before.Origin == found.Origin ? before : found);
        }
        ImmutableHashSet<ObjectKey> changed = [.. _all.Keys.Union(next.Keys).Where(k => _all.GetValueOrDefault(k)?.Content != next.GetValueOrDefault(k)?.Content)];
        return (new(next.ToImmutable()), changed, conflicts.ToImmutable());
    }

    private T? Find<T>(ObjectKey key)
        where T : class => _all.GetValueOrDefault(key)?.Model as T;
}
