using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Core.Objects;

/// <summary>Which objects a pod refers to: what must be known before it starts, and whose change concerns it.</summary>
public static class PodReferences
{
    public static ImmutableHashSet<ObjectKey> Of(V1Pod pod) => [.. All(pod.Metadata.NamespaceProperty, pod.Spec)];

    /// <summary>Whether a change of these objects may mean something to the pod.</summary>
    public static bool Concerned(V1Pod pod, IReadOnlySet<ObjectKey> changed) => All(pod.Metadata.NamespaceProperty, pod.Spec)
        .Any(key => changed.Contains(key) || (key.Kind == ObjectKind.PersistentVolumeClaim && changed.Any(c => c.Kind == ObjectKind.PersistentVolume)));

    private static IEnumerable<ObjectKey> All(string ns, V1PodSpec spec)
    {
        foreach (V1LocalObjectReference pull in spec.ImagePullSecrets ?? []) yield return ObjectKey.Secret(ns, pull.Name ?? "");
        foreach (V1Container container in (spec.InitContainers ?? []).Concat(spec.Containers ?? []))
            foreach (ObjectKey key in Environment(ns, container.Env, container.EnvFrom)) yield return key;
        foreach (V1EphemeralContainer container in spec.EphemeralContainers ?? [])
            foreach (ObjectKey key in Environment(ns, container.Env, container.EnvFrom)) yield return key;
        foreach (V1Volume volume in spec.Volumes ?? [])
        {
            if (volume.ConfigMap is { } map) yield return ObjectKey.ConfigMap(ns, map.Name ?? "");
            if (volume.Secret is { } secret) yield return ObjectKey.Secret(ns, secret.SecretName ?? "");
            if (volume.PersistentVolumeClaim is { } claim) yield return ObjectKey.Claim(ns, claim.ClaimName ?? "");
            foreach (V1VolumeProjection source in volume.Projected?.Sources ?? [])
            {
                if (source.ConfigMap is { } projectedMap) yield return ObjectKey.ConfigMap(ns, projectedMap.Name ?? "");
                if (source.Secret is { } projectedSecret) yield return ObjectKey.Secret(ns, projectedSecret.Name ?? "");
            }
        }
    }

    private static IEnumerable<ObjectKey> Environment(string ns, IList<V1EnvVar>? variables, IList<V1EnvFromSource>? sources)
    {
        foreach (V1EnvVar variable in variables ?? [])
        {
            if (variable.ValueFrom?.ConfigMapKeyRef is { } map) yield return ObjectKey.ConfigMap(ns, map.Name ?? "");
            if (variable.ValueFrom?.SecretKeyRef is { } secret) yield return ObjectKey.Secret(ns, secret.Name ?? "");
        }
        foreach (V1EnvFromSource source in sources ?? [])
        {
            if (source.ConfigMapRef is { } map) yield return ObjectKey.ConfigMap(ns, map.Name ?? "");
            if (source.SecretRef is { } secret) yield return ObjectKey.Secret(ns, secret.Name ?? "");
        }
    }
}
