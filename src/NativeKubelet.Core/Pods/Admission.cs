using k8s.Models;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.SELinux;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Core.Pods;

/// <summary>What admission needs to know of the node.</summary>
/// <param name="Labels">As on the Node object; a standalone node makes its own.</param>
public sealed record NodeFacts(string Name, IReadOnlyDictionary<string, string> Labels)
{
    /// <summary>The feature that the action of this name among container restart rules needs.</summary>
    public const string RestartAllContainers = "RestartAllContainersOnContainerExits";

    /// <summary>The kernel parameters that pods may set.</summary>
    public SysctlAllowlist Sysctls { get; init; } = SysctlAllowlist.Standard;

    /// <summary>As on the Node object; nothing taints a node alone.</summary>
    public IReadOnlyCollection<V1Taint> Taints { get; init; } = [];

    /// <summary>AppArmor profiles can be applied here.</summary>
    public bool AppArmor { get; init; }

    /// <summary>As on the Node object (status.declaredFeatures).</summary>
    public IReadOnlyCollection<string> Features { get; init; } = [];

    /// <summary>What containers are labelled with; null: the kernel labels nothing.</summary>
    public SELinuxContexts? SELinux { get; init; }
}

/// <param name="Reason">One word, also the event's reason.</param>
public sealed record AdmissionRefusal(string Reason, string Message);

/// <summary>
/// May this node run the pod beside those it already runs? Asked once for each pod, oldest first; the first refusal
/// counts and is final for that UID. Checks that need a cluster or a resource manager take their place in the order.
/// </summary>
public static class Admission
{
    /// <param name="others">Admitted pods that have not finished.</param>
    /// <param name="resourceFit">Requests against what the node can give; null when they fit.</param>
    public static AdmissionRefusal? Check(
        V1Pod pod, IReadOnlyCollection<V1Pod> others, NodeFacts node, Func<V1Pod, IReadOnlyCollection<V1Pod>, AdmissionRefusal?> resourceFit)
    {
        if (node.Sysctls.Refuse(pod.Spec) is { } sysctl)
            return sysctl;
        if (pod.Metadata.Labels?.TryGetValue("kubernetes.io/os", out string? os) == true && os != "linux")
            return new("PodOSSelectorNodeLabelDoesNotMatch", "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label");
        if (pod.Spec.Os?.Name is { Length: > 0 } name && name != "linux")
            return new("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS");
        if (resourceFit(pod, others) is { } refusal)
            return refusal;
        if (!NodeAffinity.Matches(pod.Spec, node))
            return new("NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector");
        if (pod.Spec.NodeName is { Length: > 0 } wanted && wanted != node.Name)
            return new("NodeName", "Predicate NodeName failed: node(s) didn't match the requested node name");
        if (HostPorts.Clash(pod, others))
            return new("NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports");
        if (!StaticPodIdentity.IsStatic(pod) && Taints.Refuse(pod.Spec, node.Taints))
            return new("TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate");
        if (!node.AppArmor && AppArmorChoice.IsDemanded(pod))
            return new("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host");
        if (RestartRule.CanRestartAll(pod.Spec) && !node.Features.Contains(NodeFacts.RestartAllContainers))
            return new("PodFeatureUnsupported", $"Pod requires node features that are not available: {NodeFacts.RestartAllContainers}");
        return null;
    }
}
