using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Objects;

namespace NativeKubelet.Runtime;

/// <summary>
/// The ConfigMaps, Secrets, claims and volumes that pods refer to: from the manifests beside the pods on a node alone, from the
/// API server on a joined one. Values of Secrets go to the container that asked for them and nowhere else.
/// </summary>
public interface IObjects
{
    /// <summary>What the pod refers to, as new as the node can know it. What is missing from the snapshot does not exist.</summary>
    ValueTask<NodeObjects> ForAsync(V1Pod pod, CancellationToken cancel);

    /// <summary>These came, changed or went. Called by whoever learnt of it; a handler does not wait.</summary>
    event Action<ImmutableHashSet<ObjectKey>>? Changed;
}
