using NativeKubelet.Api.Kubelet;

namespace NativeKubelet.Config;

/// <summary>
/// The defaults of KubeletConfiguration. Where the original takes zero for "not given" so do we; where it keeps an
/// explicit zero, only null is filled. The original's insecure defaults of a start without a file are not taken over.
/// </summary>
internal static class ConfigDefaults
{
    private static readonly KeyValuePair<string, string>[] EvictionHard =
    [
        new("memory.available", "100Mi"), new("nodefs.available", "10%"), new("nodefs.inodesFree", "5%"),
        new("imagefs.available", "15%"), new("imagefs.inodesFree", "5%"),
    ];

    public static KubeletConfiguration Apply(KubeletConfiguration c, string usualDriver) => Sources(Pods(Resources(Images(c), usualDriver)));

    private static KubeletConfiguration Sources(KubeletConfiguration c) => c with
    {
        ApiVersion = "kubelet.config.k8s.io/v1beta1",
        Kind = "KubeletConfiguration",
        EnableServer = c.EnableServer ?? true,
        PodLogsDir = Or(c.PodLogsDir, "/var/log/pods"),
        SyncFrequency = Or(c.SyncFrequency, 60),
        FileCheckFrequency = Or(c.FileCheckFrequency, 20),
        HttpCheckFrequency = Or(c.HttpCheckFrequency, 20),
        Address = Or(c.Address, "0.0.0.0"),
        Port = Or(c.Port, 10250),
        ReadOnlyPort = c.ReadOnlyPort ?? 0,
        Authentication = new()
        {
            X509 = c.Authentication?.X509 ?? new(),
            Webhook = new() { Enabled = c.Authentication?.Webhook?.Enabled ?? true, CacheTTL = Or(c.Authentication?.Webhook?.CacheTTL, 120) },
            Anonymous = new() { Enabled = c.Authentication?.Anonymous?.Enabled ?? false },
        },
        Authorization = new()
        {
            Mode = Or(c.Authorization?.Mode, "Webhook"),
            Webhook = new()
            {
                CacheAuthorizedTTL = Or(c.Authorization?.Webhook?.CacheAuthorizedTTL, 300),
                CacheUnauthorizedTTL = Or(c.Authorization?.Webhook?.CacheUnauthorizedTTL, 30),
            },
        },
        RotateCertificates = c.RotateCertificates ?? false,
        ServerTLSBootstrap = c.ServerTLSBootstrap ?? false,
        EnableDebuggingHandlers = c.EnableDebuggingHandlers ?? true,
        EnableProfilingHandler = c.EnableProfilingHandler ?? true,
        EnableDebugFlagsHandler = c.EnableDebugFlagsHandler ?? true,
        EnableSystemLogHandler = c.EnableSystemLogHandler ?? true,
        EnableSystemLogQuery = c.EnableSystemLogQuery ?? false,
        HealthzPort = c.HealthzPort ?? 10248,
        HealthzBindAddress = Or(c.HealthzBindAddress, "127.0.0.1"),
        StreamingConnectionIdleTimeout = Or(c.StreamingConnectionIdleTimeout, 4 * 3600),
        RegisterNode = c.RegisterNode ?? true,
        MaxOpenFiles = Or(c.MaxOpenFiles, 1_000_000),
        OomScoreAdj = c.OomScoreAdj ?? -999,
        ContentType = Or(c.ContentType, "application/vnd.kubernetes.protobuf"),
        KubeAPIQPS = c.KubeAPIQPS ?? 50,
        KubeAPIBurst = Or(c.KubeAPIBurst, 100),
        EventRecordQPS = c.EventRecordQPS ?? 50,
        EventBurst = Or(c.EventBurst, 100),
        NodeStatusReportFrequency = IsSet(c.NodeStatusReportFrequency) ? c.NodeStatusReportFrequency
            : IsSet(c.NodeStatusUpdateFrequency) ? c.NodeStatusUpdateFrequency : TimeSpan.FromMinutes(5),
        NodeStatusUpdateFrequency = Or(c.NodeStatusUpdateFrequency, 10),
        NodeLeaseDurationSeconds = Or(c.NodeLeaseDurationSeconds, 40),
        NodeStatusMaxImages = c.NodeStatusMaxImages ?? 50,
        ConfigMapAndSecretChangeDetectionStrategy = Or(c.ConfigMapAndSecretChangeDetectionStrategy, "Watch"),
        VolumeStatsAggPeriod = Or(c.VolumeStatsAggPeriod, 60),
        Logging = (c.Logging ?? new()) with
        {
            Format = Or(c.Logging?.Format, "text"),
            FlushFrequency = Or(c.Logging?.FlushFrequency, 5),
            Verbosity = c.Logging?.Verbosity ?? 0,
        },
    };

    private static KubeletConfiguration Images(KubeletConfiguration c) => c with
    {
        RegistryPullQPS = c.RegistryPullQPS ?? 5,
        RegistryBurst = Or(c.RegistryBurst, 10),
        SerializeImagePulls = c.SerializeImagePulls ?? c.MaxParallelImagePulls is null or < 2,
        ImagePullCredentialsVerificationPolicy = Or(c.ImagePullCredentialsVerificationPolicy, "NeverVerifyPreloadedImages"),
        ImageMinimumGCAge = Or(c.ImageMinimumGCAge, 120),
        ImageMaximumGCAge = c.ImageMaximumGCAge ?? TimeSpan.Zero,
        ImageGCHighThresholdPercent = c.ImageGCHighThresholdPercent ?? 85,
        ImageGCLowThresholdPercent = c.ImageGCLowThresholdPercent ?? 80,
        ContainerLogMaxSize = Or(c.ContainerLogMaxSize, "10Mi"),
        ContainerLogMaxFiles = c.ContainerLogMaxFiles ?? 5,
        ContainerLogMaxWorkers = c.ContainerLogMaxWorkers ?? 1,
        ContainerLogMonitorInterval = c.ContainerLogMonitorInterval ?? TimeSpan.FromSeconds(10),
    };

    private static KubeletConfiguration Resources(KubeletConfiguration c, string usualDriver) => c with
    {
        CgroupsPerQOS = c.CgroupsPerQOS ?? true,
        CgroupDriver = Or(c.CgroupDriver, usualDriver),
        CpuManagerPolicy = Or(c.CpuManagerPolicy, "none"),
        CpuManagerReconcilePeriod = Or(c.CpuManagerReconcilePeriod, 10),
        MemoryManagerPolicy = Or(c.MemoryManagerPolicy, "None"),
        TopologyManagerPolicy = Or(c.TopologyManagerPolicy, "none"),
        TopologyManagerScope = Or(c.TopologyManagerScope, "container"),
        CpuCFSQuota = c.CpuCFSQuota ?? true,
        CpuCFSQuotaPeriod = c.CpuCFSQuotaPeriod ?? TimeSpan.FromMilliseconds(100),
        PodPidsLimit = c.PodPidsLimit ?? -1,
        EnforceNodeAllocatable = c.EnforceNodeAllocatable ?? ["pods"],
        MemorySwap = c.MemorySwap ?? new(),
        FailSwapOn = c.FailSwapOn ?? true,
        FailCgroupV1 = c.FailCgroupV1 ?? false,
        MemoryThrottlingFactor = c.MemoryThrottlingFactor ?? 0.9,
        MemoryReservationPolicy = Or(c.MemoryReservationPolicy, "None"),
        UserNamespaces = new() { IdsPerPod = c.UserNamespaces?.IdsPerPod ?? 65536 },
        LocalStorageCapacityIsolation = c.LocalStorageCapacityIsolation ?? true,
        ProtectKernelDefaults = c.ProtectKernelDefaults ?? false,
    };

    private static KubeletConfiguration Pods(KubeletConfiguration c) => c with
    {
        MaxPods = Or(c.MaxPods, 110),
        PodsPerCore = c.PodsPerCore ?? 0,
        ResolvConf = c.ResolvConf ?? "/etc/resolv.conf",
        HairpinMode = Or(c.HairpinMode, "promiscuous-bridge"),
        MakeIPTablesUtilChains = c.MakeIPTablesUtilChains ?? true,
        IptablesMasqueradeBit = c.IptablesMasqueradeBit ?? 14,
        IptablesDropBit = c.IptablesDropBit ?? 15,
        RuntimeRequestTimeout = Or(c.RuntimeRequestTimeout, 120),
        RunOnce = c.RunOnce ?? false,
        VolumePluginDir = Or(c.VolumePluginDir, "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"),
        EnableControllerAttachDetach = c.EnableControllerAttachDetach ?? true,
        EvictionHard = Eviction(c),
        EvictionPressureTransitionPeriod = Or(c.EvictionPressureTransitionPeriod, 300),
        EvictionMaxPodGracePeriod = c.EvictionMaxPodGracePeriod ?? 0,
        MergeDefaultEvictionSettings = c.MergeDefaultEvictionSettings ?? false,
        ShutdownGracePeriod = c.ShutdownGracePeriod ?? TimeSpan.Zero,
        ShutdownGracePeriodCriticalPods = c.ShutdownGracePeriodCriticalPods ?? TimeSpan.Zero,
        CrashLoopBackOff = new() { MaxContainerRestartPeriod = c.CrashLoopBackOff?.MaxContainerRestartPeriod ?? TimeSpan.FromSeconds(300) },
        SeccompDefault = c.SeccompDefault ?? false,
        FeatureGates = c.FeatureGates ?? [],
    };

    private static Dictionary<string, string> Eviction(KubeletConfiguration c)
    {
        Dictionary<string, string> thresholds = c.EvictionHard is null ? new(EvictionHard) : new(c.EvictionHard);
        if (c.MergeDefaultEvictionSettings == true)
            foreach ((string signal, string value) in EvictionHard) thresholds.TryAdd(signal, value);
        return thresholds;
    }

    private static bool IsSet(TimeSpan? value) => value is { } given && given != TimeSpan.Zero;

    private static string Or(string? value, string standard) => string.IsNullOrEmpty(value) ? standard : value;

    private static int Or(int? value, int standard) => value is null or 0 ? standard : value.Value;

    private static long Or(long? value, long standard) => value is null or 0 ? standard : value.Value;

    private static TimeSpan Or(TimeSpan? value, int seconds) => IsSet(value) ? value!.Value : TimeSpan.FromSeconds(seconds);
}
