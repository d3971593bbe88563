using k8s.Models;

namespace NativeKubelet.Core.Containers.Seccomp;

/// <summary>Which profile a container gets.</summary>
public abstract record SeccompChoice
{
    public sealed record None : SeccompChoice;

    public sealed record RuntimeDefault : SeccompChoice;

    /// <param name="Path">Below the node's seccomp directory; checked with the manifest.</param>
    public sealed record Localhost(string Path) : SeccompChoice;

    /// <summary>The container's own profile, else the pod's, else the node's default. A privileged container has none.</summary>
    /// <exception cref="ContainerConfigException">A kind or path that must not become "unconfined" by accident (CVE-2023-2431).</exception>
    public static SeccompChoice Of(V1Pod pod, V1Container container, bool nodeDefault)
    {
        if (container.SecurityContext?.Privileged == true) return new None();
        V1SeccompProfile? profile = container.SecurityContext?.SeccompProfile ?? pod.Spec.SecurityContext?.SeccompProfile;
        return profile?.Type switch
        {
            null => nodeDefault ? new RuntimeDefault() : new None(),
            "Unconfined" => new None(),
            "RuntimeDefault" => new RuntimeDefault(),
            "Localhost" => new Localhost(Checked(profile.LocalhostProfile)),
            var other => throw new ContainerConfigException($"seccomp profile type \"{other}\" is not known"),
        };
    }

    private static string Checked(string? path) =>
        string.IsNullOrEmpty(path) || path[0] == '/' || path.Split('/').Contains("..")
            ? throw new ContainerConfigException($"seccomp profile \"{path}\" is not a path below the node's seccomp directory")
            : path;
}
