using k8s.Models;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.SELinux;
using NativeKubelet.Linux.SELinux;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Runtime.Containers;

/// <summary>
/// Gives containers their SELinux labels. One that the policy does not know fails the container: nothing ever runs without the
/// confinement that its pod, or the policy for all pods, asks for.
/// </summary>
internal sealed class SELinuxLabels(RuntimePaths paths, SELinuxContexts node)
{
    private readonly PodBook<PodLevels> _levels = new(paths, "selinux-levels", text => PodLevels.TryParse(text), levels => levels.ToText());

    /// <exception cref="ContainerConfigException">The policy has no such label, or all levels are taken.</exception>
    public ContainerLabels Of(V1Pod pod, V1Container container)
    {
        PodLevels levels = _levels.Enter(pod.Metadata.Uid, (known, others) => PodLevels.Of(pod, container, known, others))
            ?? throw new ContainerConfigException("every pair of SELinux categories is taken by a pod of this node");
        ContainerLabels wanted = ContainerLabels.Of(pod, container, node, levels.Own);
        string origin = SELinuxDemand.Of(pod, container) ?? $"the node's own label for containers ({node.Origin})";
        return new(wanted.Process is { } process ? Known(process, origin) : null, Known(wanted.File, origin));
    }

    private static string Known(string context, string origin) => LoadedPolicy.Canonical(context)
        ?? throw new ContainerConfigException($"{origin}: the SELinux policy of this machine has no context {context}; load a module that defines it, or ask for another");
}
