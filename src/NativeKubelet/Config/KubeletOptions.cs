using System.Net;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Core.Resources;
using NativeKubelet.Runtime;

namespace NativeKubelet.Config;

/// <summary>
/// Everything the program was told, checked and parsed, from defaults, file, drop-ins and flags. Rooms take the part
/// they need; <see cref="Configuration"/> holds the same with every default filled in, for configz and for fields
/// that no part names.
/// </summary>
public sealed record KubeletOptions(
    KubeletConfiguration Configuration, RuntimePaths Paths, NodeOptions Node, SourceOptions Sources, CgroupOptions Cgroups,
    NetworkOptions Network, ImageOptions Images, LogOptions ContainerLogs, ServerOptions Server, PodOptions Pods,
    LogSettings Logging, FeatureGates Gates, StartOptions Start, IReadOnlyList<string> Warnings)
{
    public ConfigOrigins Origins { get; init; } = ConfigOrigins.None;
}

/// <param name="Kubeconfig">Null is standalone.</param>
public sealed record NodeOptions(
    string? Kubeconfig, string? BootstrapKubeconfig, string CertDirectory, string? HostnameOverride, IReadOnlyList<IPAddress> Addresses,
    IReadOnlyDictionary<string, string> Labels, string CloudProvider)
{
    /// <summary>What ran here last starts without the API server.</summary>
    public bool BootFromCache { get; init; } = true;

    /// <summary>File with the key that it is kept under; null: it is kept in the clear.</summary>
    public string? BootCacheKey { get; init; }

    public bool Standalone => Kubeconfig is null;
}

/// <param name="ManifestHeaders">They carry credentials and are never logged.</param>
public sealed record SourceOptions(
    string? ManifestPath, TimeSpan FileCheck, string? ManifestUrl, IReadOnlyDictionary<string, IReadOnlyList<string>> ManifestHeaders, TimeSpan HttpCheck);

public enum CgroupDriver
{
    Cgroupfs, Systemd,
}

/// <param name="PodPidsLimit">Null: what the node has.</param>
public sealed record CgroupOptions(
    CgroupDriver Driver, string Root, bool PerQos, bool FailOnV1, bool CpuQuota, TimeSpan CpuQuotaPeriod, long? PodPidsLimit, bool? SingleProcessOomKill,
    IReadOnlyDictionary<string, string> KubeReserved, IReadOnlyDictionary<string, string> SystemReserved, IReadOnlyList<string> Enforce);

public sealed record NetworkOptions(
    string BridgeName, string? PodSubnet, string CniConfDirectory, IReadOnlyList<string> CniBinDirectories, string CniCacheDirectory,
    string ClusterDomain, IReadOnlyList<IPAddress> ClusterDns, string ResolvConf);

/// <param name="MaxParallelPulls">1 pulls one after the other; null has no limit.</param>
/// <param name="SandboxImage">--pod-infra-container-image: shielded from collection and reported, never needed.</param>
public sealed record ImageOptions(
    string PreloadDirectory, int? MaxParallelPulls, RateLimit PullRate, TimeSpan MinimumGcAge, TimeSpan MaximumGcAge, int HighThresholdPercent, int LowThresholdPercent, string? SandboxImage);

/// <param name="MaxBytes">Null: no rotation.</param>
public sealed record LogOptions(long? MaxBytes, int MaxFiles);

/// <param name="Port">Null: the 10250 listener stays closed.</param>
/// <param name="ReadOnlyPort">Null: closed.</param>
/// <param name="HealthzPort">Null: closed.</param>
public sealed record ServerOptions(IPAddress Address, int? Port, int? ReadOnlyPort, IPAddress HealthzAddress, int? HealthzPort);

/// <param name="Runtime">A name looked up in PATH, or a path.</param>
public sealed record PodOptions(
    string Runtime, bool StrictRuntime, bool SeccompDefault, int MaxPods, TimeSpan MaxRestartBackOff, TimeSpan RuntimeRequestTimeout, bool FailSwapOn,
    IReadOnlyList<string> AllowedUnsafeSysctls, TimeSpan MinimumContainerTtl, int DeadPerContainer, int? DeadInAll, TimeSpan Housekeeping)
{
    /// <summary>Other OCI runtimes by the names that pods use for them.</summary>
    public IReadOnlyDictionary<string, string> Handlers { get; init; } = new Dictionary<string, string>();
}

/// <param name="MaxOpenFiles">Of this process, where that is allowed.</param>
/// <param name="SetKernelTunables">Off beside other agents of one machine, whose kernel it is too.</param>
public sealed record StartOptions(
    bool TakeOver, bool AllowPrivateMounts, string? LockFile, bool ExitOnLockContention, int OomScoreAdj, long MaxOpenFiles, bool SetKernelTunables);

/// <param name="Modules">vmodule: glob over category names, verbosity.</param>
public sealed record LogSettings(bool Json, int Verbosity, IReadOnlyList<(string Pattern, int Verbosity)> Modules, bool SplitStream, TimeSpan FlushFrequency)
{
    /// <summary>As <c>-v</c> alone asks for.</summary>
    public static LogSettings Text(int verbosity) => new(Json: false, verbosity, [], SplitStream: false, FlushFrequency: TimeSpan.FromSeconds(5));
}
