using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>What a container is to its pod.</summary>
public enum ContainerRole
{
    /// <summary>Runs to its end before anything after it starts.</summary>
    Init,

    /// <summary>An init container with restartPolicy Always: starts in its turn, then runs beside the others until they have ended.</summary>
    Sidecar,

    Regular,

    /// <summary>Added to a pod that is there, for a person to look into it; runs once, beside whatever else runs.</summary>
    Ephemeral,
}

/// <summary>A container that the spec names.</summary>
public sealed record WantedContainer(V1Container Spec, ContainerRole Role)
{
    public string Name => Spec.Name;
}
