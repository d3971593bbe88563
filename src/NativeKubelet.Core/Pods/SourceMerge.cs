using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>What one delivery of a source changes: gone first, so that a replaced pod's place is free for its successor.</summary>
public sealed record PodChanges(
    ImmutableArray<V1Pod> Removed,
    ImmutableArray<V1Pod> Added,
    ImmutableArray<V1Pod> Updated,
    ImmutableArray<DuplicatePod> Duplicates)
{
    public bool IsEmpty => Removed.Length + Added.Length + Updated.Length + Duplicates.Length == 0;
}

/// <summary>A pod whose name its own source had used already; it is left out.</summary>
public sealed record DuplicatePod(V1Pod Pod, string Message);

/// <summary>
/// Compares what a source names now with what it named before. Immutable; one value per source, held by the loop that
/// owns the desired pods.
/// </summary>
public sealed class SourceMerge
{
    private readonly string _source;
    private readonly Func<V1PodSpec, V1PodSpec, bool> _sameSpec;
    private readonly ImmutableDictionary<string, V1Pod> _pods;

    /// <param name="source">file, http or api.</param>
    /// <param name="sameSpec">Whether two specs say the same; the wire types themselves compare by reference.</param>
    public SourceMerge(string source, Func<V1PodSpec, V1PodSpec, bool> sameSpec)
        : this(source, sameSpec, ImmutableDictionary<string, V1Pod>.Empty)
    {
    }

    private SourceMerge(string source, Func<V1PodSpec, V1PodSpec, bool> sameSpec, ImmutableDictionary<string, V1Pod> pods)
    {
        _source = source;
        _sameSpec = sameSpec;
        _pods = pods;
    }

    public IEnumerable<V1Pod> Pods => _pods.Values;

    /// <summary>The complete set that the source names now; oldest pods are reported first.</summary>
    public (SourceMerge Next, PodChanges Changes) Deliver(IEnumerable<V1Pod> pods)
    {
        Dictionary<string, V1Pod> next = [];
        HashSet<string> names = [];
        List<V1Pod> added = [], updated = [];
        List<DuplicatePod> duplicates = [];
        foreach (V1Pod pod in pods)
        {
            if (!names.Add(PodMessages.FullName(pod)) || !next.TryAdd(pod.Metadata.Uid, pod))
            {
                duplicates.Add(new(pod, $"Error validating pod {PodMessages.Format(pod)} from {_source} due to duplicate pod name \"{pod.Metadata.Name}\", ignoring"));
                continue;
            }
            if (!_pods.TryGetValue(pod.Metadata.Uid, out V1Pod? before))
                added.Add(pod);
            else if (Differs(before, pod))
                updated.Add(pod);
        }
        PodChanges changes = new(
            [.. _pods.Values.Where(pod => !next.ContainsKey(pod.Metadata.Uid)).OrderBy(p => p.Metadata.CreationTimestamp)],
            [.. added.OrderBy(p => p.Metadata.CreationTimestamp)],
            [.. updated],
            [.. duplicates]);
        return (new(_source, _sameSpec, next.ToImmutableDictionary()), changes);
    }

    /// <summary>A difference that a worker has to act on; of the status only what others say there for it, and no local annotation.</summary>
    private bool Differs(V1Pod before, V1Pod after) =>
        before.Metadata.DeletionTimestamp != after.Metadata.DeletionTimestamp
        || before.Metadata.DeletionGracePeriodSeconds != after.Metadata.DeletionGracePeriodSeconds
        || !Same(before.Metadata.Labels, after.Metadata.Labels, _ => true)
        || !Same(before.Metadata.Annotations, after.Metadata.Annotations, key => !Local.Contains(key))
        || !_sameSpec(before.Spec, after.Spec)
        || !Gates(before).SequenceEqual(Gates(after));

    private static IEnumerable<string?> Gates(V1Pod pod) =>
        (pod.Spec.ReadinessGates ?? []).Select(g => pod.Status?.Conditions?.FirstOrDefault(c => c.Type == g.ConditionType)?.Status);

    private static readonly ImmutableHashSet<string> Local =
        ["kubernetes.io/config.source", "kubernetes.io/config.seen", "kubernetes.io/config.mirror"];

    private static bool Same(IDictionary<string, string>? a, IDictionary<string, string>? b, Func<string, bool> counts)
    {
        Dictionary<string, string> left = Counted(a), right = Counted(b);
        return left.Count == right.Count && left.All(pair => right.GetValueOrDefault(pair.Key) == pair.Value);

        Dictionary<string, string> Counted(IDictionary<string, string>? all) => (all ?? new Dictionary<string, string>())
            .Where(pair => counts(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value);
    }
}
