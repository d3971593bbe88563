using k8s.Models;

namespace NativeKubelet.Core.Containers.SELinux;

/// <summary>The SELinux labels of one container.</summary>
/// <param name="Process">Of its processes; null: they run as what started them does.</param>
/// <param name="File">Of its root file system and of what is mounted for it.</param>
public sealed record ContainerLabels(string? Process, string File)
{
    /// <summary>
    /// The node's own, with what the pod asks for in its place. Files follow the process in user and level, never in role and
    /// type. Privileged containers are not confined, whatever they ask for; those that see the host's processes or messages, whose
    /// labels are others', are where they ask for it.
    /// </summary>
    /// <param name="level">The pod's own.</param>
    /// <exception cref="ContainerConfigException">What is asked for is no part of a label.</exception>
    public static ContainerLabels Of(V1Pod pod, V1Container container, SELinuxContexts node, string level)
    {
        V1SELinuxOptions? asked = SELinuxDemand.Options(pod, container);
        V1SELinuxOptions options = asked ?? new();
        string? Asked(string part, string? wanted, Func<string, bool> isOne) =>
            string.IsNullOrEmpty(wanted) ? null
            : isOne(wanted) ? wanted
            : throw new ContainerConfigException($"{SELinuxDemand.Of(pod, container)}: {part} \"{wanted}\" is nothing that a label can have");

        string? user = Asked("user", options.User, SELinuxContext.IsName), role = Asked("role", options.Role, SELinuxContext.IsName), type = Asked("type", options.Type, SELinuxContext.IsName);
        // In a policy without levels the node's own contexts have none, and a pod that asks for one hears so from the kernel.
        string? own = Asked("level", options.Level, SELinuxContext.IsLevel) ?? (node.Process.Level is null ? null : level);
        bool free = container.SecurityContext?.Privileged == true || (asked is null && (pod.Spec.HostPID == true || pod.Spec.HostIPC == true));
        return new(
            free ? null : new SELinuxContext(user ?? node.Process.User, role ?? node.Process.Role, type ?? node.Process.Type, own).ToString(),
            (node.File with { User = user ?? node.File.User, Level = own }).ToString());
    }
}
