using k8s.Models;

namespace NativeKubelet.Core.Volumes;

/// <summary>By what name other programs know a kind of volume.</summary>
public static class VolumePlugin
{
    /// <param name="directory">As it is named below a pod's volumes: kubernetes.io~empty-dir.</param>
    public static string OfDirectory(string directory) => directory.Replace('~', '/');

    public static string Of(V1Volume volume) => "kubernetes.io/" + volume switch
    {
        { EmptyDir: not null } => "empty-dir",
        { HostPath: not null } => "host-path",
        { ConfigMap: not null } => "configmap",
        { Secret: not null } => "secret",
        { DownwardAPI: not null } => "downward-api",
        { Projected: not null } => "projected",
        { Image: not null } => "image",
        { PersistentVolumeClaim: not null } => "local-volume",      // the one kind of claim that is mounted
        _ => "unknown",
    };
}
