using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Core.Volumes;

/// <summary>Which of a pod's volumes are needed, and how containers see them.</summary>
public static class VolumeUse
{
    /// <summary>Volumes that a container of any kind mounts or opens as a device; the others are not made.</summary>
    public static IEnumerable<V1Volume> Used(V1Pod pod)
    {
        HashSet<string> names = [.. Mounts(pod).Select(m => m.Name), .. Containers(pod).SelectMany(c => c.VolumeDevices ?? []).Select(d => d.Name)];
        return (pod.Spec.Volumes ?? []).Where(v => names.Contains(v.Name));
    }

    /// <summary>
    /// Directories that must be in a volume because another volume is mounted on them in some container: the volume may be
    /// read-only by then. Relative to its root.
    /// </summary>
    public static ImmutableSortedSet<string> NestedMountPoints(V1Pod pod, string volume)
    {
        ImmutableSortedSet<string>.Builder nested = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
        foreach (IEnumerable<V1VolumeMount> mounts in MountsByContainer(pod))
        {
            List<V1VolumeMount> all = [.. mounts];
            foreach (V1VolumeMount outer in all.Where(m => m.Name == volume && string.IsNullOrEmpty(m.SubPath) && string.IsNullOrEmpty(m.SubPathExpr)))
                foreach (V1VolumeMount inner in all.Where(m => m.Name != volume))
                    if (Below(Place(outer), Place(inner)) is { } relative && VolumeContent.PathFault(relative) is null) nested.Add(relative);
        }
        return nested.ToImmutable();
    }

    /// <summary>Volumes that show an image, as far as this container mounts them.</summary>
    public static IEnumerable<V1Volume> ImagesOf(V1Pod pod, V1Container container) =>
        (pod.Spec.Volumes ?? []).Where(v => v.Image is not null && container.VolumeMounts?.Any(m => m.Name == v.Name) == true);

    /// <summary>The group that owns what the pod's volumes hold; null: nobody's in particular.</summary>
    public static uint? Group(V1Pod pod) => pod.Spec.SecurityContext?.FsGroup is { } id and >= 0 and <= int.MaxValue ? (uint)id : null;

    /// <summary>The one user that all containers run as by their specs; null where one names none, or another.</summary>
    public static uint? User(V1Pod pod)
    {
        List<long?> users = [.. Containers(pod).Select(c => c.SecurityContext?.RunAsUser ?? pod.Spec.SecurityContext?.RunAsUser).Distinct()];
        return users is [{ } one and >= 0 and <= int.MaxValue] ? (uint)one : null;
    }

    /// <summary>
    /// The path that is meant: absolute, without "." and "..", doubled slashes and one at its end. What is mounted where is decided by
    /// it, and the OCI runtime would come to the same.
    /// </summary>
    public static string Place(V1VolumeMount mount) => Place(mount.MountPath);

    public static string Place(string path)
    {
        Stack<string> parts = [];
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..") parts.TryPop(out _);
            else if (part != ".") parts.Push(part);
        }
        return "/" + string.Join('/', parts.Reverse());
    }

    private static string? Below(string outer, string inner) =>
        outer == "/" ? null : inner.StartsWith(outer + "/", StringComparison.Ordinal) ? inner[(outer.Length + 1)..] : null;

    private static IEnumerable<V1Container> Containers(V1Pod pod) => (pod.Spec.InitContainers ?? []).Concat(pod.Spec.Containers ?? []);

    private static IEnumerable<V1VolumeMount> Mounts(V1Pod pod) => MountsByContainer(pod).SelectMany(m => m);

    private static IEnumerable<IEnumerable<V1VolumeMount>> MountsByContainer(V1Pod pod) =>
        Containers(pod).Select(c => c.VolumeMounts).Concat((pod.Spec.EphemeralContainers ?? []).Select(c => c.VolumeMounts)).Select(m => m ?? (IEnumerable<V1VolumeMount>)[]);
}
