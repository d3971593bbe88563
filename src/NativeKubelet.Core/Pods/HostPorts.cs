using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Pods;

/// <summary>Ports of the host that pods ask for. Two pods clash on the same protocol and port when their addresses overlap.</summary>
public static class HostPorts
{
    public static bool Clash(V1Pod pod, IEnumerable<V1Pod> others)
    {
        List<V1ContainerPort> wanted = [.. Of(pod)];
        return wanted.Count > 0 && others.SelectMany(Of).Any(taken => wanted.Any(port => Overlap(port, taken)));
    }

    private static IEnumerable<V1ContainerPort> Of(V1Pod pod) =>
        pod.Spec.Containers.Concat((pod.Spec.InitContainers ?? []).Where(PodResources.IsSidecar)).SelectMany(c => c.Ports ?? []).Where(p => p.HostPort > 0);

    private static bool Overlap(V1ContainerPort a, V1ContainerPort b) =>
        a.HostPort == b.HostPort && (a.Protocol ?? "TCP") == (b.Protocol ?? "TCP") && (Any(a) || Any(b) || a.HostIP == b.HostIP);

    private static bool Any(V1ContainerPort port) => port.HostIP is null or "" or "0.0.0.0" or "::";
}
