using System.Collections.Frozen;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Config;

public enum GateStage
{
    Alpha, Beta, GA, Deprecated,
}

public sealed record FeatureGate(string Name, GateStage Stage, bool Default, bool Locked);

/// <summary>The gates in force: the table of v1.36 and what the user chose.</summary>
public sealed class FeatureGates
{
    private static readonly FrozenDictionary<string, FeatureGate> Known = Table().ToFrozenDictionary(g => g.Name);

    // Names of kubelets 1.22 to 1.35 that are gone; old files carry them.
    private static readonly FrozenSet<string> Gone = """
        DynamicKubeletConfig SupportPodPidsLimit SupportNodePidsLimit ServiceTopology CSIMigration CSIMigrationAWS CSIMigrationAzureDisk CSIMigrationAzureFile
        CSIMigrationGCE CSIMigrationOpenStack CSIMigrationvSphere CSIMigrationPortworx CSIMigrationRBD CSIInlineVolume CSIVolumeFSGroupPolicy CSIStorageCapacity CSINodeExpandSecret
        BoundServiceAccountTokenVolume RotateKubeletClientCertificate IPv6DualStack TTLAfterFinished EphemeralContainers GenericEphemeralVolume
        LocalStorageCapacityIsolation DownwardAPIHugePages HugePageStorageMediumSize SizeMemoryBackedVolumes TopologyManager CPUManager DevicePlugins MemoryManager
        KubeletPodResources KubeletPodResourcesGetAllocatable KubeletCredentialProviders DisableAcceleratorUsageMetrics DisableCloudProviders
        DisableKubeletCloudCredentialProviders ExpandCSIVolumes ExpandInUsePersistentVolumes ExpandPersistentVolumes AttachVolumeLimit BlockVolume RunAsGroup Sysctls
        SeccompDefault AppArmor AppArmorFields PodOverhead PodDisruptionConditions PodHostIPs PodAffinityNamespaceSelector ProbeTerminationGracePeriod GRPCContainerProbe
        WatchBookmark WindowsGMSA WindowsHostProcessContainers StartupProbe SCTPSupport SetHostnameAsFQDN RuntimeClass RootCAConfigMap RemoveSelfLink
        NonPreemptingPriority NodeDisruptionExclusion ServiceNodeExclusion LegacyNodeRoleBehavior NodeOutOfServiceVolumeDetach NewVolumeManagerReconstruction
        ConfigurableFSGroupPolicy DelegateFSGroupToCSIDriver IdentifyPodOS ImmutableEphemeralVolumes KMSv1 LogarithmicScaleDown MixedProtocolLBService
        ReadWriteOncePod ServerSideApply StreamingProxyRedirects TokenRequest TokenRequestProjection ValidateProxyRedirects VolumeSnapshotDataSource VolumeSubpath
        CRIContainerLogRotation CloudDualStackNodeIPs EndpointSlice DefaultHostNetworkHostPortsInPodTemplates InTreePluginAWSUnregister RetroactiveDefaultStorageClass
        UserNamespacesStatelessPodsSupport SecurityContextDeny HPAContainerMetrics PodIndexLabel APISelfSubjectReview StatefulSetMinReadySeconds
        """.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToFrozenSet();

    private static readonly string[] Declarable =
        ["ExtendWebSocketsToKubelet", "InPlacePodLevelResourcesVerticalScaling", "InPlacePodVerticalScalingInitContainers", NodeFacts.RestartAllContainers];

    private readonly FrozenDictionary<string, bool> _values;

    private FeatureGates(IReadOnlyDictionary<string, bool> values) => _values = values.ToFrozenDictionary();

    public static IReadOnlyCollection<FeatureGate> All => Known.Values;

    public bool this[string name] => _values[name];

    /// <summary>The features that a node names in its status, for schedulers and API servers that would not ask for them else. Sorted.</summary>
    public ValueList<string> Declared => this["NodeDeclaredFeatures"] ? Declarable.Where(name => this[name]).ToValueList() : [];

    /// <summary>What the user chose over the defaults; faults and warnings are added to the lists.</summary>
    public static FeatureGates Apply(IEnumerable<KeyValuePair<string, bool>> chosen, List<string> violations, List<string> warnings)
    {
        Dictionary<string, bool> own = new(chosen, StringComparer.Ordinal);
        Dictionary<string, bool> values = Known.ToDictionary(g => g.Key, g => g.Value.Default);
        foreach ((string special, GateStage stage) in (ReadOnlySpan<(string, GateStage)>)[("AllAlpha", GateStage.Alpha), ("AllBeta", GateStage.Beta)])
            if (own.Remove(special, out bool on))
                foreach (FeatureGate gate in Known.Values.Where(g => g.Stage == stage && !g.Locked))
                    values[gate.Name] = on;
        foreach ((string name, bool on) in own)
        {
            if (!Known.TryGetValue(name, out FeatureGate? gate))
            {
                if (Gone.Contains(name)) warnings.Add($"feature gate {name} is gone and has no effect");
                else violations.Add($"unrecognized feature gate: {name}");
            }
            else if (gate.Locked && on != gate.Default)
            {
                violations.Add($"cannot set feature gate {name} to {(on ? "true" : "false")}, feature is locked to {(gate.Default ? "true" : "false")}");
            }
            else
            {
                values[name] = on;
                if (gate.Stage is GateStage.GA or GateStage.Deprecated)
                    warnings.Add($"setting {(gate.Stage == GateStage.GA ? "GA" : "deprecated")} feature gate {name}={(on ? "true" : "false")}. It will be removed in a future release.");
            }
        }

        return new(values);
    }

    private static IEnumerable<FeatureGate> Table()
    {
        (GateStage Stage, bool Default, bool Locked, string Names)[] rows =
        [
            (GateStage.GA, true, true, "CPUManagerPolicyOptions DynamicResourceAllocation ExecProbeTimeout ImageMaximumGCAge ImageVolume InPlacePodVerticalScaling KubeletCgroupDriverFromCRI KubeletFineGrainedAuthz KubeletPSI KubeletPodResourcesGet KubeletPodResourcesDynamicResources KubeletTracing MutableCSINodeAllocatableCount NodeLogQuery NodeSwap PodLifecycleSleepAction PodLifecycleSleepActionAllowZero PodObservedGenerationTracking ProcMountType RecursiveReadOnlyMounts SELinuxMountReadWriteOncePod SidecarContainers SupplementalGroupsPolicy SystemdWatchdog TopologyManagerPolicyOptions UserNamespacesSupport"),
            (GateStage.GA, true, false, "CustomCPUCFSQuotaPeriod"),
            (GateStage.Alpha, false, false, "CRIListStreaming ContainerStopSignals EventedPLEG InPlacePodVerticalScalingExclusiveCPUs InPlacePodVerticalScalingExclusiveMemory KubeletInUserNamespace MemoryQoS PodAndContainerStatsFromCRI PodLevelResourceManagers PodLogsQuerySplitStreams PodsAPI QOSReserved ReduceDefaultCrashLoopBackOffDecay RuntimeClassInImageCriAPI UserNamespacesHostNetworkSupport CPUManagerPolicyAlphaOptions TopologyManagerPolicyAlphaOptions ImageVolumeWithDigest LoggingAlphaOptions"),
            (GateStage.Beta, false, false, "ClusterTrustBundleProjection PodCertificateRequest SELinuxMount LocalStorageCapacityIsolationFSQuotaMonitoring"),
            (GateStage.Beta, true, false, "ComponentFlagz ComponentStatusz ContainerCheckpoint ContainerRestartRules EnvFiles ExtendWebSocketsToKubelet GracefulNodeShutdown GracefulNodeShutdownBasedOnPodPriority HostnameOverride InPlacePodLevelResourcesVerticalScaling InPlacePodVerticalScalingInitContainers KubeletCrashLoopBackOffMax KubeletEnsureSecretPulledImages KubeletSeparateDiskGC KubeletServiceAccountTokenForCredentialProviders NodeDeclaredFeatures PLEGOnDemandRelist PodLevelResources PodReadyToStartContainersCondition PortForwardWebsockets PreventStaticPodAPIReferences ReloadKubeletClientCAFile ReloadKubeletServerCertificateFile ResourceHealthStatus RestartAllContainersOnContainerExits RotateKubeletServerCertificate LoggingBetaOptions ContextualLogging CPUManagerPolicyBetaOptions TopologyManagerPolicyBetaOptions"),
            (GateStage.Deprecated, false, false, "AllowDNSOnlyNodeCSR AllowInsecureKubeletCertificateSigningRequests KubeletRegistrationGetOnExistsOnly ChangeContainerStatusOnKubeletRestart"),
            (GateStage.Deprecated, false, true, "GitRepoVolumeDriver"),
            (GateStage.Deprecated, true, false, "DisableNodeKubeProxyVersion DisableCPUQuotaWithExclusiveCPUs KubeletPodResourcesListUseActivePods"),
        ];
        return rows.SelectMany(r => r.Names.Split(' ').Select(n => new FeatureGate(n, r.Stage, r.Default, r.Locked)));
    }
}
