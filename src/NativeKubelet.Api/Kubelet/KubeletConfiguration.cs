using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Kubelet;

/// <summary>
/// kubelet.config.k8s.io/v1beta1 KubeletConfiguration, field for field as it stands in the file; null is "not given".
/// Defaults, checks and parsed values are the options' matter, not this type's.
/// </summary>
public sealed record KubeletConfiguration
{
    [JsonPropertyName("apiVersion")]
    public string? ApiVersion { get; init; }

    [JsonPropertyName("kind")]
    public string? Kind { get; init; }

    // sources, server, identity
    [JsonPropertyName("enableServer")]
    public bool? EnableServer { get; init; }

    [JsonPropertyName("staticPodPath")]
    public string? StaticPodPath { get; init; }

    [JsonPropertyName("podLogsDir")]
    public string? PodLogsDir { get; init; }

    [JsonPropertyName("syncFrequency"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? SyncFrequency { get; init; }

    [JsonPropertyName("fileCheckFrequency"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? FileCheckFrequency { get; init; }

    [JsonPropertyName("httpCheckFrequency"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? HttpCheckFrequency { get; init; }

    [JsonPropertyName("staticPodURL")]
    public string? StaticPodURL { get; init; }

    [JsonPropertyName("staticPodURLHeader")]
    public Dictionary<string, IReadOnlyList<string>>? StaticPodURLHeader { get; init; }

    [JsonPropertyName("address")]
    public string? Address { get; init; }

    [JsonPropertyName("port")]
    public int? Port { get; init; }

    [JsonPropertyName("readOnlyPort")]
    public int? ReadOnlyPort { get; init; }

    [JsonPropertyName("tlsCertFile")]
    public string? TlsCertFile { get; init; }

    [JsonPropertyName("tlsPrivateKeyFile")]
    public string? TlsPrivateKeyFile { get; init; }

    [JsonPropertyName("tlsCipherSuites")]
    public IReadOnlyList<string>? TlsCipherSuites { get; init; }

    [JsonPropertyName("tlsMinVersion")]
    public string? TlsMinVersion { get; init; }

    [JsonPropertyName("tlsCurvePreferences")]
    public IReadOnlyList<int>? TlsCurvePreferences { get; init; }

    [JsonPropertyName("rotateCertificates")]
    public bool? RotateCertificates { get; init; }

    [JsonPropertyName("serverTLSBootstrap")]
    public bool? ServerTLSBootstrap { get; init; }

    [JsonPropertyName("authentication")]
    public KubeletAuthentication? Authentication { get; init; }

    [JsonPropertyName("authorization")]
    public KubeletAuthorization? Authorization { get; init; }

    [JsonPropertyName("enableDebuggingHandlers")]
    public bool? EnableDebuggingHandlers { get; init; }

    [JsonPropertyName("enableContentionProfiling")]
    public bool? EnableContentionProfiling { get; init; }

    [JsonPropertyName("enableProfilingHandler")]
    public bool? EnableProfilingHandler { get; init; }

    [JsonPropertyName("enableDebugFlagsHandler")]
    public bool? EnableDebugFlagsHandler { get; init; }

    [JsonPropertyName("enableSystemLogHandler")]
    public bool? EnableSystemLogHandler { get; init; }

    [JsonPropertyName("enableSystemLogQuery")]
    public bool? EnableSystemLogQuery { get; init; }

    [JsonPropertyName("healthzPort")]
    public int? HealthzPort { get; init; }

    [JsonPropertyName("healthzBindAddress")]
    public string? HealthzBindAddress { get; init; }

    [JsonPropertyName("streamingConnectionIdleTimeout"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? StreamingConnectionIdleTimeout { get; init; }

    [JsonPropertyName("registerNode")]
    public bool? RegisterNode { get; init; }

    [JsonPropertyName("registerWithTaints")]
    public IReadOnlyList<KubeletTaint>? RegisterWithTaints { get; init; }

    [JsonPropertyName("providerID")]
    public string? ProviderID { get; init; }

    [JsonPropertyName("maxOpenFiles")]
    public long? MaxOpenFiles { get; init; }

    [JsonPropertyName("oomScoreAdj")]
    public int? OomScoreAdj { get; init; }

    // API client, events, status
    [JsonPropertyName("contentType")]
    public string? ContentType { get; init; }

    [JsonPropertyName("kubeAPIQPS")]
    public int? KubeAPIQPS { get; init; }

    [JsonPropertyName("kubeAPIBurst")]
    public int? KubeAPIBurst { get; init; }

    [JsonPropertyName("eventRecordQPS")]
    public int? EventRecordQPS { get; init; }

    [JsonPropertyName("eventBurst")]
    public int? EventBurst { get; init; }

    [JsonPropertyName("nodeStatusUpdateFrequency"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? NodeStatusUpdateFrequency { get; init; }

    [JsonPropertyName("nodeStatusReportFrequency"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? NodeStatusReportFrequency { get; init; }

    [JsonPropertyName("nodeLeaseDurationSeconds")]
    public int? NodeLeaseDurationSeconds { get; init; }

    [JsonPropertyName("nodeStatusMaxImages")]
    public int? NodeStatusMaxImages { get; init; }

    [JsonPropertyName("configMapAndSecretChangeDetectionStrategy")]
    public string? ConfigMapAndSecretChangeDetectionStrategy { get; init; }

    [JsonPropertyName("volumeStatsAggPeriod"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? VolumeStatsAggPeriod { get; init; }

    // images and logs
    [JsonPropertyName("registryPullQPS")]
    public int? RegistryPullQPS { get; init; }

    [JsonPropertyName("registryBurst")]
    public int? RegistryBurst { get; init; }

    [JsonPropertyName("serializeImagePulls")]
    public bool? SerializeImagePulls { get; init; }

    [JsonPropertyName("maxParallelImagePulls")]
    public int? MaxParallelImagePulls { get; init; }

    [JsonPropertyName("imagePullCredentialsVerificationPolicy")]
    public string? ImagePullCredentialsVerificationPolicy { get; init; }

    [JsonPropertyName("preloadedImagesVerificationAllowlist")]
    public IReadOnlyList<string>? PreloadedImagesVerificationAllowlist { get; init; }

    [JsonPropertyName("imageMinimumGCAge"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? ImageMinimumGCAge { get; init; }

    [JsonPropertyName("imageMaximumGCAge"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? ImageMaximumGCAge { get; init; }

    [JsonPropertyName("imageGCHighThresholdPercent")]
    public int? ImageGCHighThresholdPercent { get; init; }

    [JsonPropertyName("imageGCLowThresholdPercent")]
    public int? ImageGCLowThresholdPercent { get; init; }

    [JsonPropertyName("containerLogMaxSize")]
    public string? ContainerLogMaxSize { get; init; }

    [JsonPropertyName("containerLogMaxFiles")]
    public int? ContainerLogMaxFiles { get; init; }

    [JsonPropertyName("containerLogMaxWorkers")]
    public int? ContainerLogMaxWorkers { get; init; }

    [JsonPropertyName("containerLogMonitorInterval"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? ContainerLogMonitorInterval { get; init; }

    // cgroups, resources, NUMA
    [JsonPropertyName("kubeletCgroups")]
    public string? KubeletCgroups { get; init; }

    [JsonPropertyName("systemCgroups")]
    public string? SystemCgroups { get; init; }

    [JsonPropertyName("cgroupRoot")]
    public string? CgroupRoot { get; init; }

    [JsonPropertyName("cgroupsPerQOS")]
    public bool? CgroupsPerQOS { get; init; }

    [JsonPropertyName("cgroupDriver")]
    public string? CgroupDriver { get; init; }

    [JsonPropertyName("singleProcessOOMKill")]
    public bool? SingleProcessOOMKill { get; init; }

    [JsonPropertyName("cpuManagerPolicy")]
    public string? CpuManagerPolicy { get; init; }

    [JsonPropertyName("cpuManagerPolicyOptions")]
    public Dictionary<string, string>? CpuManagerPolicyOptions { get; init; }

    [JsonPropertyName("cpuManagerReconcilePeriod"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? CpuManagerReconcilePeriod { get; init; }

    [JsonPropertyName("memoryManagerPolicy")]
    public string? MemoryManagerPolicy { get; init; }

    [JsonPropertyName("topologyManagerPolicy")]
    public string? TopologyManagerPolicy { get; init; }

    [JsonPropertyName("topologyManagerScope")]
    public string? TopologyManagerScope { get; init; }

    [JsonPropertyName("topologyManagerPolicyOptions")]
    public Dictionary<string, string>? TopologyManagerPolicyOptions { get; init; }

    [JsonPropertyName("qosReserved")]
    public Dictionary<string, string>? QosReserved { get; init; }

    [JsonPropertyName("reservedMemory")]
    public IReadOnlyList<MemoryReservation>? ReservedMemory { get; init; }

    [JsonPropertyName("cpuCFSQuota")]
    public bool? CpuCFSQuota { get; init; }

    [JsonPropertyName("cpuCFSQuotaPeriod"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? CpuCFSQuotaPeriod { get; init; }

    [JsonPropertyName("podPidsLimit")]
    public long? PodPidsLimit { get; init; }

    [JsonPropertyName("systemReserved")]
    public Dictionary<string, string>? SystemReserved { get; init; }

    [JsonPropertyName("kubeReserved")]
    public Dictionary<string, string>? KubeReserved { get; init; }

    [JsonPropertyName("reservedSystemCPUs")]
    public string? ReservedSystemCPUs { get; init; }

    [JsonPropertyName("systemReservedCgroup")]
    public string? SystemReservedCgroup { get; init; }

    [JsonPropertyName("kubeReservedCgroup")]
    public string? KubeReservedCgroup { get; init; }

    [JsonPropertyName("enforceNodeAllocatable")]
    public IReadOnlyList<string>? EnforceNodeAllocatable { get; init; }

    [JsonPropertyName("memorySwap")]
    public MemorySwapConfiguration? MemorySwap { get; init; }

    [JsonPropertyName("failSwapOn")]
    public bool? FailSwapOn { get; init; }

    [JsonPropertyName("failCgroupV1")]
    public bool? FailCgroupV1 { get; init; }

    [JsonPropertyName("kernelMemcgNotification")]
    public bool? KernelMemcgNotification { get; init; }

    [JsonPropertyName("memoryThrottlingFactor")]
    public double? MemoryThrottlingFactor { get; init; }

    [JsonPropertyName("memoryReservationPolicy")]
    public string? MemoryReservationPolicy { get; init; }

    [JsonPropertyName("userNamespaces")]
    public UserNamespacesConfiguration? UserNamespaces { get; init; }

    [JsonPropertyName("localStorageCapacityIsolation")]
    public bool? LocalStorageCapacityIsolation { get; init; }

    [JsonPropertyName("protectKernelDefaults")]
    public bool? ProtectKernelDefaults { get; init; }

    // pods, network, eviction, shutdown
    [JsonPropertyName("maxPods")]
    public int? MaxPods { get; init; }

    [JsonPropertyName("podsPerCore")]
    public int? PodsPerCore { get; init; }

    [JsonPropertyName("podCIDR")]
    public string? PodCIDR { get; init; }

    [JsonPropertyName("clusterDomain")]
    public string? ClusterDomain { get; init; }

    [JsonPropertyName("clusterDNS")]
    public IReadOnlyList<string>? ClusterDNS { get; init; }

    [JsonPropertyName("resolvConf")]
    public string? ResolvConf { get; init; }

    [JsonPropertyName("hairpinMode")]
    public string? HairpinMode { get; init; }

    [JsonPropertyName("makeIPTablesUtilChains")]
    public bool? MakeIPTablesUtilChains { get; init; }

    [JsonPropertyName("iptablesMasqueradeBit")]
    public int? IptablesMasqueradeBit { get; init; }

    [JsonPropertyName("iptablesDropBit")]
    public int? IptablesDropBit { get; init; }

    [JsonPropertyName("runtimeRequestTimeout"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? RuntimeRequestTimeout { get; init; }

    [JsonPropertyName("runOnce")]
    public bool? RunOnce { get; init; }

    [JsonPropertyName("allowedUnsafeSysctls")]
    public IReadOnlyList<string>? AllowedUnsafeSysctls { get; init; }

    [JsonPropertyName("volumePluginDir")]
    public string? VolumePluginDir { get; init; }

    [JsonPropertyName("enableControllerAttachDetach")]
    public bool? EnableControllerAttachDetach { get; init; }

    [JsonPropertyName("evictionHard")]
    public Dictionary<string, string>? EvictionHard { get; init; }

    [JsonPropertyName("evictionSoft")]
    public Dictionary<string, string>? EvictionSoft { get; init; }

    [JsonPropertyName("evictionSoftGracePeriod")]
    public Dictionary<string, string>? EvictionSoftGracePeriod { get; init; }

    [JsonPropertyName("evictionPressureTransitionPeriod"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? EvictionPressureTransitionPeriod { get; init; }

    [JsonPropertyName("evictionMaxPodGracePeriod")]
    public int? EvictionMaxPodGracePeriod { get; init; }

    [JsonPropertyName("evictionMinimumReclaim")]
    public Dictionary<string, string>? EvictionMinimumReclaim { get; init; }

    [JsonPropertyName("mergeDefaultEvictionSettings")]
    public bool? MergeDefaultEvictionSettings { get; init; }

    [JsonPropertyName("shutdownGracePeriod"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? ShutdownGracePeriod { get; init; }

    [JsonPropertyName("shutdownGracePeriodCriticalPods"), JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? ShutdownGracePeriodCriticalPods { get; init; }

    [JsonPropertyName("shutdownGracePeriodByPodPriority")]
    public IReadOnlyList<ShutdownGracePeriod>? ShutdownGracePeriodByPodPriority { get; init; }

    [JsonPropertyName("crashLoopBackOff")]
    public CrashLoopBackOffConfiguration? CrashLoopBackOff { get; init; }

    [JsonPropertyName("featureGates")]
    public Dictionary<string, bool>? FeatureGates { get; init; }

    [JsonPropertyName("seccompDefault")]
    public bool? SeccompDefault { get; init; }

    [JsonPropertyName("containerRuntimeEndpoint")]
    public string? ContainerRuntimeEndpoint { get; init; }

    [JsonPropertyName("imageServiceEndpoint")]
    public string? ImageServiceEndpoint { get; init; }

    [JsonPropertyName("showHiddenMetricsForVersion")]
    public string? ShowHiddenMetricsForVersion { get; init; }

    [JsonPropertyName("logging")]
    public LoggingConfiguration? Logging { get; init; }

    [JsonPropertyName("tracing")]
    public TracingConfiguration? Tracing { get; init; }
}
