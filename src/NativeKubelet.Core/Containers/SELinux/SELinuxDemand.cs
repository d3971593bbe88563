using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Containers.SELinux;

/// <summary>
/// Where a pod asks for an SELinux label. A kernel without SELinux has no labels, and the field no effect there, as in the original:
/// charts set it for all machines, and Kubernetes' conformance does.
/// </summary>
public static class SELinuxDemand
{
    /// <returns>The field's path; null: no label is asked for.</returns>
    public static string? Of(V1Pod pod, V1Container container) =>
        Asks(container.SecurityContext?.SeLinuxOptions) ? $"securityContext.seLinuxOptions of container {container.Name}" : Of(pod.Spec.SecurityContext);

    /// <returns>The first field that asks for one.</returns>
    public static string? Of(V1Pod pod) =>
        Of(pod.Spec.SecurityContext) ?? PodResources.AllContainers(pod.Spec).Select(c => Of(pod, c)).FirstOrDefault(path => path is not null);

    /// <summary>The container's options take the place of the pod's as a whole, not part by part.</summary>
    /// <returns>Null: no label is asked for.</returns>
    internal static V1SELinuxOptions? Options(V1Pod pod, V1Container container) =>
        Asks(container.SecurityContext?.SeLinuxOptions) ? container.SecurityContext!.SeLinuxOptions
        : Asks(pod.Spec.SecurityContext?.SeLinuxOptions) ? pod.Spec.SecurityContext!.SeLinuxOptions : null;

    private static string? Of(V1PodSecurityContext? shared) => Asks(shared?.SeLinuxOptions) ? "spec.securityContext.seLinuxOptions" : null;

    private static bool Asks(V1SELinuxOptions? options) =>
        options is not null && !(string.IsNullOrEmpty(options.Level) && string.IsNullOrEmpty(options.Role) && string.IsNullOrEmpty(options.Type) && string.IsNullOrEmpty(options.User));
}
