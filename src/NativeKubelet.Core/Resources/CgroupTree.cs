namespace NativeKubelet.Core.Resources;

/// <summary>Names every group of a node, for either driver. Paths are relative to a hierarchy's root and start with "/".</summary>
/// <param name="Root">The configured cgroupRoot.</param>
/// <param name="PerQos">False: no group of ours, pods live right under the root.</param>
/// <param name="ContainerPrefix">Of systemd scopes; monitoring software knows "cri-containerd".</param>
public sealed record CgroupTree(CgroupDriver Driver, CgroupName Root, bool PerQos = true, string ContainerPrefix = "cri-containerd")
{
    private const string PodPrefix = "pod";

    public CgroupName Node => PerQos ? Root.Child("kubepods") : Root;

    public CgroupName Tier(QosClass qos) => !PerQos ? Root : qos switch
    {
        QosClass.Burstable => Node.Child("burstable"),
        QosClass.BestEffort => Node.Child("besteffort"),
        _ => Node,
    };

    public CgroupName Pod(string uid, QosClass qos) => PerQos ? Tier(qos).Child(PodPrefix + uid) : Root;

    public string Path(CgroupName name) => Driver == CgroupDriver.Systemd ? name.ToSystemd() : name.ToCgroupfs();

    public string LeafPath(CgroupName pod, string id) => $"{Path(pod).TrimEnd('/')}/{LeafName(id)}";

    /// <summary>The last part of a container's or sandbox's own path.</summary>
    public string LeafName(string id) => Driver == CgroupDriver.Systemd ? $"{ContainerPrefix}-{id}.scope" : id;

    /// <summary>linux.cgroupsPath of the OCI configuration: a path, or slice:prefix:name.</summary>
    public string CgroupsPath(CgroupName pod, string id) =>
        Driver == CgroupDriver.Systemd ? $"{pod.ToUnit()}:{ContainerPrefix}:{id}" : LeafPath(pod, id);

    /// <summary>Reads a pod's UID off a directory under kubepods or a tier; null when it is not a pod's.</summary>
    public string? PodUid(string directory)
    {
        if (Driver == CgroupDriver.Cgroupfs)
            return directory.Length > PodPrefix.Length && directory.StartsWith(PodPrefix, StringComparison.Ordinal) ? directory[PodPrefix.Length..] : null;
        if (!directory.EndsWith(".slice", StringComparison.Ordinal)) return null;
        string last = directory[(directory.LastIndexOf('-') + 1)..^".slice".Length];
        return last.Length > PodPrefix.Length && last.StartsWith(PodPrefix, StringComparison.Ordinal) ? last[PodPrefix.Length..].Replace('_', '-') : null;
    }
}
