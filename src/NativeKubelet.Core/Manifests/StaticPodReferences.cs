using k8s.Models;

namespace NativeKubelet.Core.Manifests;

/// <summary>
/// What a static pod may not refer to, since only an API server knows it (spec 30 §1.7). The words are the original's
/// (gate PreventStaticPodAPIReferences). A node alone has what its manifests define.
/// </summary>
public static class StaticPodReferences
{
    /// <summary>Field path → what it refers to; empty when the pod stands alone.</summary>
    public static IEnumerable<(string Field, string Message)> Find(V1PodSpec spec, ManifestScope scope) => All(spec)
        .Where(found => scope == ManifestScope.Joined || !Defined.Contains(found.What) || IsDriver(found.Field))
        .Select(found => (found.Field, $"static pods may not reference {found.What}"));

    private static readonly string[] Defined =
        ["configmaps", "configmaps (via projected volumes)", "persistentvolumeclaims", "secrets", "secrets (via projected volumes)"];

    /// <summary>Credentials of volumes that a node alone cannot mount at all.</summary>
    private static bool IsDriver(string field) => field.StartsWith("spec.volumes[", StringComparison.Ordinal) && field.EndsWith(".secretRef", StringComparison.Ordinal);

    private static IEnumerable<(string Field, string What)> All(V1PodSpec spec)
    {
        if (!string.IsNullOrEmpty(spec.ServiceAccountName)) yield return ("spec.serviceAccountName", "serviceaccounts");
        if (spec.ImagePullSecrets is { Count: > 0 }) yield return ("spec.imagePullSecrets", "secrets");
        if (spec.ResourceClaims is { Count: > 0 }) yield return ("spec.resourceClaims", "resourceclaims");
        foreach ((string path, V1Container container) in PodContainers.Of(spec))
        {
            for (int i = 0; i < (container.Env?.Count ?? 0); i++)
            {
                V1EnvVarSource? from = container.Env![i].ValueFrom;
                if (from?.SecretKeyRef is not null) yield return ($"{path}.env[{i}].valueFrom.secretKeyRef", "secrets");
                if (from?.ConfigMapKeyRef is not null) yield return ($"{path}.env[{i}].valueFrom.configMapKeyRef", "configmaps");
            }
            for (int i = 0; i < (container.EnvFrom?.Count ?? 0); i++)
            {
                if (container.EnvFrom![i].SecretRef is not null) yield return ($"{path}.envFrom[{i}].secretRef", "secrets");
                if (container.EnvFrom[i].ConfigMapRef is not null) yield return ($"{path}.envFrom[{i}].configMapRef", "configmaps");
            }
        }
        for (int i = 0; i < (spec.Volumes?.Count ?? 0); i++)
            foreach ((string field, string what) in Volume(spec.Volumes![i]))
                yield return ($"spec.volumes[{i}].{field}", what);
    }

    private static IEnumerable<(string Field, string What)> Volume(V1Volume volume)
    {
        if (volume.Secret is not null) yield return ("secret", "secrets");
        if (volume.ConfigMap is not null) yield return ("configMap", "configmaps");
        if (volume.Csi is not null) yield return ("csi", "csidrivers (via CSI volumes)");
        if (volume.PersistentVolumeClaim is not null) yield return ("persistentVolumeClaim", "persistentvolumeclaims");
        if (volume.Ephemeral is not null) yield return ("ephemeral", "persistentvolumeclaims (via ephemeral volumes)");
        if (volume.Glusterfs is not null) yield return ("glusterfs", "endpoints (via glusterFS volumes)");
        if (volume.AzureFile is not null) yield return ("azureFile", "secrets (via azureFile volumes)");
        // The other drivers' credentials: any secret that a volume names is a reference to the API.
        if (volume.Cephfs?.SecretRef is not null) yield return ("cephfs.secretRef", "secrets");
        if (volume.Cinder?.SecretRef is not null) yield return ("cinder.secretRef", "secrets");
        if (volume.FlexVolume?.SecretRef is not null) yield return ("flexVolume.secretRef", "secrets");
        if (volume.Iscsi?.SecretRef is not null) yield return ("iscsi.secretRef", "secrets");
        if (volume.Rbd?.SecretRef is not null) yield return ("rbd.secretRef", "secrets");
        if (volume.ScaleIO?.SecretRef is not null) yield return ("scaleIO.secretRef", "secrets");
        if (volume.Storageos?.SecretRef is not null) yield return ("storageos.secretRef", "secrets");
        for (int i = 0; i < (volume.Projected?.Sources?.Count ?? 0); i++)
        {
            V1VolumeProjection source = volume.Projected!.Sources[i];
            string at = $"projected.sources[{i}]";
            if (source.ConfigMap is not null) yield return ($"{at}.configMap", "configmaps (via projected volumes)");
            if (source.Secret is not null) yield return ($"{at}.secret", "secrets (via projected volumes)");
            if (source.ServiceAccountToken is not null) yield return ($"{at}.serviceAccountToken", "serviceaccounts (via projected volumes)");
            if (source.ClusterTrustBundle is not null) yield return ($"{at}.clusterTrustBundle", "clustertrustbundles");
            if (source.PodCertificate is not null) yield return ($"{at}.podCertificate", "podcertificates");
        }
    }
}

/// <summary>A pod's regular and init containers with their field paths.</summary>
internal static class PodContainers
{
    public static IEnumerable<(string Path, V1Container Container)> Of(V1PodSpec spec)
    {
        for (int i = 0; i < (spec.InitContainers?.Count ?? 0); i++) yield return ($"spec.initContainers[{i}]", spec.InitContainers![i]);
        for (int i = 0; i < (spec.Containers?.Count ?? 0); i++) yield return ($"spec.containers[{i}]", spec.Containers![i]);
    }
}
