using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>A pod's containers by name, whichever of its lists names them. Names are unique among all three.</summary>
public static class ContainerSpecs
{
    public static V1Container? Find(V1PodSpec spec, string name) =>
        (spec.Containers ?? []).Concat(spec.InitContainers ?? []).FirstOrDefault(c => c.Name == name)
        ?? (Ephemeral(spec, name) is { } ephemeral ? AsContainer(ephemeral) : null);

    public static V1EphemeralContainer? Ephemeral(V1PodSpec spec, string name) => spec.EphemeralContainers?.FirstOrDefault(c => c.Name == name);

    /// <summary>As events name the part of a pod that they are about: spec.initContainers{setup}.</summary>
    public static string FieldPath(V1PodSpec spec, string name)
    {
        string list = Ephemeral(spec, name) is not null ? "ephemeralContainers"
            : spec.InitContainers?.Any(c => c.Name == name) == true ? "initContainers"
            : "containers";
        return $"spec.{list}{{{name}}}";
    }

    /// <summary>
    /// What an ephemeral container may have of a container. The rest (ports, probes, hooks, resources, a policy of its own) no API
    /// server lets through, and it is without effect should one do so.
    /// </summary>
    public static V1Container AsContainer(V1EphemeralContainer ephemeral) => new()
    {
        Name = ephemeral.Name,
        Image = ephemeral.Image,
        ImagePullPolicy = ephemeral.ImagePullPolicy,
        Command = ephemeral.Command,
        Args = ephemeral.Args,
        WorkingDir = ephemeral.WorkingDir,
        Env = ephemeral.Env,
        EnvFrom = ephemeral.EnvFrom,
        VolumeMounts = ephemeral.VolumeMounts,
        VolumeDevices = ephemeral.VolumeDevices,
        SecurityContext = ephemeral.SecurityContext,
        Stdin = ephemeral.Stdin,
        StdinOnce = ephemeral.StdinOnce,
        Tty = ephemeral.Tty,
        TerminationMessagePath = ephemeral.TerminationMessagePath,
        TerminationMessagePolicy = ephemeral.TerminationMessagePolicy,
    };
}
