using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Containers;

/// <summary>Which AppArmor profile a container gets.</summary>
public abstract record AppArmorChoice
{
    private const string Annotation = "container.apparmor.security.beta.kubernetes.io/", LocalPrefix = "localhost/";

    /// <summary>Nobody asked: the runtime's own where there is one.</summary>
    public sealed record Unsaid : AppArmorChoice;

    public sealed record Unconfined : AppArmorChoice;

    public sealed record RuntimeDefault : AppArmorChoice;

    /// <param name="Profile">Its name in the kernel.</param>
    public sealed record Localhost(string Profile) : AppArmorChoice;

    /// <summary>
    /// The container's field, else the annotation of old, else the pod's field. A privileged container is unconfined.
    /// What cannot be understood is a profile that nobody loaded, so it never becomes "unconfined" by accident.
    /// </summary>
    public static AppArmorChoice Of(V1Pod pod, V1Container container)
    {
        if (container.SecurityContext?.Privileged == true) return new Unconfined();
        if (container.SecurityContext?.AppArmorProfile is { } own) return Field(own);
        if (pod.Metadata.Annotations?.TryGetValue(Annotation + container.Name, out string? old) == true) return Old(old);
        return pod.Spec.SecurityContext?.AppArmorProfile is { } shared ? Field(shared) : new Unsaid();
    }

    /// <summary>Some container must be confined.</summary>
    public static bool IsDemanded(V1Pod pod) =>
        PodResources.AllContainers(pod.Spec).Any(c => Of(pod, c) is RuntimeDefault or Localhost);

    private static AppArmorChoice Field(V1AppArmorProfile profile) => profile.Type switch
    {
        "Unconfined" => new Unconfined(),
        "RuntimeDefault" => new RuntimeDefault(),
        _ => new Localhost(profile.LocalhostProfile ?? ""),
    };

    private static AppArmorChoice Old(string value) => value switch
    {
        "unconfined" => new Unconfined(),
        "runtime/default" => new RuntimeDefault(),
        _ => new Localhost(value.StartsWith(LocalPrefix, StringComparison.Ordinal) ? value[LocalPrefix.Length..] : value),
    };
}
