using k8s.Models;

namespace NativeKubelet.Core.Manifests;

/// <summary>The kinds of volume: exactly one of them may be set.</summary>
public static class VolumeSources
{
    private static readonly (string Name, Func<V1Volume, object?> Get)[] Kinds =
    [
        ("awsElasticBlockStore", v => v.AwsElasticBlockStore), ("azureDisk", v => v.AzureDisk), ("azureFile", v => v.AzureFile),
        ("cephfs", v => v.Cephfs), ("cinder", v => v.Cinder), ("configMap", v => v.ConfigMap), ("csi", v => v.Csi),
        ("downwardAPI", v => v.DownwardAPI), ("emptyDir", v => v.EmptyDir), ("ephemeral", v => v.Ephemeral), ("fc", v => v.Fc),
        ("flexVolume", v => v.FlexVolume), ("flocker", v => v.Flocker), ("gcePersistentDisk", v => v.GcePersistentDisk),
        ("gitRepo", v => v.GitRepo), ("glusterfs", v => v.Glusterfs), ("hostPath", v => v.HostPath), ("image", v => v.Image),
        ("iscsi", v => v.Iscsi), ("nfs", v => v.Nfs), ("persistentVolumeClaim", v => v.PersistentVolumeClaim),
        ("photonPersistentDisk", v => v.PhotonPersistentDisk), ("portworxVolume", v => v.PortworxVolume), ("projected", v => v.Projected),
        ("quobyte", v => v.Quobyte), ("rbd", v => v.Rbd), ("scaleIO", v => v.ScaleIO), ("secret", v => v.Secret),
        ("storageos", v => v.Storageos), ("vsphereVolume", v => v.VsphereVolume),
    ];

    /// <summary>The field names that are set.</summary>
    public static List<string> Of(V1Volume volume) => [.. Kinds.Where(k => k.Get(volume) is not null).Select(k => k.Name)];
}
