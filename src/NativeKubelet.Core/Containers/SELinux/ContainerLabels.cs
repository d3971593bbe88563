using k8s.Models;

namespace NativeKubelet.Core.Containers.SELinux;

/// <summary>The SELinux labels of one container.</summary>
/// <param name="Process">Of its processes; null: they run as what started them does.</param>
/// <param name="File">Of its root file system and of what is mounted for it.</param>
public sealed record ContainerLabels(string? Process, string File)
{
    /// <summary>
    /// The node's own, with what the pod asks for in its place. Files follow the process in user and level, never in role and
    /// type. Privileged containers are not confined, as in containerd; pods that see the host's processes or messages are, and
    /// ask for a type that is not where they must not be.
    /// </summary>
    /// <param name="level">The pod's own.</param>
    /// <exception cref="ContainerConfigException">What is asked for is no part of a label.</exception>
    public static ContainerLabels Of(V1Pod pod, V1Container container, SELinuxContexts node, string level)
    {
        V1SELinuxOptions options = SELinuxDemand.Options(pod, container) ?? new();
        string? Asked(string part, string? wanted, Func<string, bool> isOne) =>
            string.IsNullOrEmpty(wanted) ? null
            : isOne(wanted) ? wanted
            : throw new ContainerConfigException($"{SELinuxDemand.Of(pod, container)}: {part} \"{wanted}\" is nothing that a label can have");

        string? user = Asked("user", options.User, SELinuxContext.IsName), role = Asked("role", options.Role, SELinuxContext.IsName), type = Asked("type", options.Type, SELinuxContext.IsName);
        // In a policy without levels the node's own contexts have none, and a pod that asks for one hears so from the kernel.
        string? own = Asked("level", options.Level, SELinuxContext.IsLevel) ?? (node.Process.Level is null ? null : level);
        bool privileged = container.SecurityContext?.Privileged == true;
        return new(
            privileged ? null : new SELinuxContext(user ?? node.Process.User, role ?? node.Process.Role, type ?? node.Process.Type, own).ToString(),
            (node.File with { User = user ?? node.File.User, Level = own }).ToString());
    }
}
