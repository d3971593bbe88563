using System.Collections.Immutable;
using System.Text;
using k8s.Models;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Objects;
using NativeKubelet.Core.Pods;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Volumes;

namespace NativeKubelet.Pods;

/// <summary>A container's declared environment at the moment of its start, with all that the node knows.</summary>
internal sealed class PodEnvironment(IObjects objects, IClusterFacts cluster, RuntimePaths paths, NodeProfile node)
{
    /// <param name="ips">Of the pod's sandbox; not asked for on the host's network.</param>
    /// <exception cref="ContainerConfigException">A reference leads nowhere.</exception>
    public async ValueTask<ImmutableArray<KeyValuePair<string, string>>> OfAsync(V1Pod pod, V1Container container, ImmutableArray<string> ips, CancellationToken cancel)
    {
        NodeObjects known = await objects.ForAsync(pod, cancel);
        string space = pod.Metadata.NamespaceProperty;
        return ContainerEnvironment.Declared(pod, container, new(
            new DownwardFacts(pod.Spec.HostNetwork == true ? node.Ips : new(ips), node.Ips, node.Allocatable),
            name => Texts(known.ConfigMap(space, name)),
            name => Texts(known.Secret(space, name)),
            (volume, path) => EmptyDirFile.Read(paths, pod.Metadata.Uid, volume, path))
        {
            Services = ServiceVariables.For(pod, await cluster.ServicesAsync(pod, cancel)),
        });
    }

    private static IReadOnlyDictionary<string, string>? Texts(V1ConfigMap? map) =>
        map is null ? null : map.Data as IReadOnlyDictionary<string, string> ?? (map.Data ?? new Dictionary<string, string>()).ToDictionary();

    private static Dictionary<string, string>? Texts(V1Secret? secret) =>
        secret is null ? null : (secret.Data ?? new Dictionary<string, byte[]>()).ToDictionary(p => p.Key, p => Encoding.UTF8.GetString(p.Value));
}
