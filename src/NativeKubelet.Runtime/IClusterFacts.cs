using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Runtime;

/// <summary>What pods are told and judged by that is no object of their own: services, runtime classes, the node's labels and taints.</summary>
public interface IClusterFacts
{
    /// <exception cref="NativeKubelet.Core.Containers.ContainerConfigException">They are not known yet; the container must not start without.</exception>
    ValueTask<IReadOnlyCollection<V1Service>> ServicesAsync(V1Pod pod, CancellationToken cancel);

    /// <summary>The OCI runtime that the pod's class stands for; empty: the usual one.</summary>
    /// <exception cref="RuntimeException">There is no such class.</exception>
    ValueTask<string> HandlerAsync(V1Pod pod, CancellationToken cancel);

    /// <summary>The node as others have made it: with the labels and taints that they gave it.</summary>
    NodeFacts Node(NodeFacts own);
}

/// <summary>A node alone: no services, each runtime class is the name of its handler, and the node's labels are its own; nothing taints it.</summary>
public sealed class NoCluster : IClusterFacts
{
    public ValueTask<IReadOnlyCollection<V1Service>> ServicesAsync(V1Pod pod, CancellationToken cancel) => ValueTask.FromResult<IReadOnlyCollection<V1Service>>([]);

    public ValueTask<string> HandlerAsync(V1Pod pod, CancellationToken cancel) => ValueTask.FromResult(pod.Spec.RuntimeClassName ?? "");

    public NodeFacts Node(NodeFacts own) => own;
}
