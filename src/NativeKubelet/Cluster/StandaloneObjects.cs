using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Runtime;

namespace NativeKubelet.Cluster;

/// <summary>A node alone answers from its manifests: what all sources define beside their pods.</summary>
public sealed class StandaloneObjects : IObjects
{
    private readonly Lock _gate = new();
    private ImmutableSortedDictionary<string, ImmutableArray<NodeObject>> _defined = ImmutableSortedDictionary.Create<string, ImmutableArray<NodeObject>>(StringComparer.Ordinal); // under _gate
    private NodeObjects _now = NodeObjects.Empty;
    private ImmutableArray<ManifestProblem> _problems = [];

    public event Action<ImmutableHashSet<ObjectKey>>? Changed;

    /// <summary>Definitions without effect, as problems of their files.</summary>
    public ImmutableArray<ManifestProblem> Problems
    {
        get { lock (_gate) return _problems; }
    }

    public ValueTask<NodeObjects> ForAsync(V1Pod pod, CancellationToken cancel) => ValueTask.FromResult(Volatile.Read(ref _now));

    /// <summary>The complete set that a source defines now.</summary>
    public void Deliver(string source, ImmutableArray<NodeObject> objects)
    {
        ImmutableHashSet<ObjectKey> changed;
        lock (_gate)
        {
            _defined = _defined.SetItem(source, objects);
            (NodeObjects next, changed, ImmutableArray<ObjectConflict> conflicts) = _now.Replaced(_defined.Values.SelectMany(o => o));
            _problems = [.. conflicts.Select(c => new ManifestProblem(c.Origin, 0, 0, "", c.Message, ProblemSeverity.Warning))];
            Volatile.Write(ref _now, next);
        }
        if (!changed.IsEmpty) Changed?.Invoke(changed);
    }
}
