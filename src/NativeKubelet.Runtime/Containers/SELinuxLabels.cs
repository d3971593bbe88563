using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.SELinux;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.SELinux;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Runtime.Containers;

/// <summary>
/// Gives containers their SELinux labels. One that the policy does not know fails the container that asks for it: nothing ever runs
/// without the confinement that its pod asks for. A policy that knows no containers (Debian's own: it names a type and defines none)
/// confines none that ask for nothing, as under a runtime that is not told of SELinux.
/// </summary>
internal sealed partial class SELinuxLabels
{
    private readonly SELinuxContexts _node;
    private readonly bool _knowsContainers;
    private readonly PodBook<PodLevels> _levels;

    public SELinuxLabels(RuntimePaths paths, SELinuxContexts node, ILogger log)
    {
        _node = node;
        _levels = new(paths, "selinux-levels", text => PodLevels.TryParse(text), levels => levels.ToText());
        SELinuxContext? unknown = new[] { node.Process, node.File }.FirstOrDefault(context => !Knows(context));
        _knowsContainers = unknown is null;
        if (unknown is not null) PolicyKnowsNoContainers(log, unknown.ToString(), node.Origin);
    }

    /// <summary>False also where the policy does not let this process ask: that must not keep the agent from starting.</summary>
    public static bool Knows(SELinuxContext context)
    {
        try
        {
            return LoadedPolicy.Canonical(context.ToString()) is not null;
        }
        catch (ErrnoException)
        {
            return false;
        }
    }

    /// <returns>Null: the container runs without labels.</returns>
    /// <exception cref="ContainerConfigException">The policy has no such label, or all levels are taken.</exception>
    public ContainerLabels? Of(V1Pod pod, V1Container container)
    {
        if (!_knowsContainers && SELinuxDemand.Of(pod, container) is null) return null;
        PodLevels levels = _levels.Enter(pod.Metadata.Uid, (known, others) => PodLevels.Of(pod, container, known, others))
            ?? throw new ContainerConfigException("every pair of SELinux categories is taken by a pod of this node");
        ContainerLabels wanted = ContainerLabels.Of(pod, container, _node, levels.Own);
        string origin = SELinuxDemand.Of(pod, container) ?? $"the node's own label for containers ({_node.Origin})";
        return new(wanted.Process is { } process ? Known(process, origin) : null, Known(wanted.File, origin));
    }

    private static string Known(string context, string origin) => LoadedPolicy.Canonical(context)
        ?? throw new ContainerConfigException($"{origin}: the SELinux policy of this machine has no context {context}; load a module that defines it, or ask for another");

    [LoggerMessage(LogLevel.Warning, "SELinuxKnowsNoContainers: the policy has no context {Context} ({Origin}), so containers that ask for no label run without one; load a policy for containers")]
    private static partial void PolicyKnowsNoContainers(ILogger log, string context, string origin);
}
