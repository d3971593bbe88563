using System.Text.Json.Nodes;
using static NativeKubelet.Config.FieldState;

namespace NativeKubelet.Config;

public enum FieldState
{
    /// <summary>It does here what it says.</summary>
    Works,

    /// <summary>Checked and kept, and nothing acts on it in this version: one that is set is warned of.</summary>
    NotYet,

    /// <summary>For nodes of a cluster; a node alone has nobody to use it with.</summary>
    Joined,

    /// <summary>What it is for happens otherwise here.</summary>
    Ignored,
}

/// <param name="Path">In KubeletConfiguration.</param>
public sealed record ConfigField(string Path, FieldState State, string Note);

/// <summary>What becomes of each field of KubeletConfiguration, as data: warnings and the manual read this one table.</summary>
public static class ConfigFields
{
    private const string Numa = "CPUs and memory are not pinned to pods",
        Collecting = "images are not collected", Evicting = "pods are not evicted", Shutting = "the machine's shutdown is not waited for", GoOnly = "of the Go runtime";

    public static IReadOnlyList<ConfigField> All { get; } =
    [
        new("apiVersion", Works, ""), new("kind", Works, ""),
        new("enableServer", Works, "the ports 10250 and 10255"), new("staticPodPath", Works, "directory or file"), new("podLogsDir", Works, ""),
        new("syncFrequency", Works, "pods change by events; twice this is how long the health check bears with a loop that stands still, 5 minutes at least"),
        new("fileCheckFrequency", Works, "a safety net beside inotify"), new("httpCheckFrequency", Works, ""), new("staticPodURL", Works, ""), new("staticPodURLHeader", Works, "values are never shown"),
        new("address", Works, ""), new("port", Works, "on a node alone it opens only with clientCAFile, or with anonymous access and AlwaysAllow; `--port=0` closes it"),
        new("readOnlyPort", Works, "health, pods, statistics and metrics, to anybody and without TLS"),
        new("tlsCertFile", Works, "read anew when it changes; without it the node makes itself a pair in --cert-dir"), new("tlsPrivateKeyFile", Works, ""),
        new("tlsCipherSuites", Works, "of TLS 1.2; those of 1.3 are always offered"), new("tlsMinVersion", Works, "1.2 at least"), new("tlsCurvePreferences", NotYet, "OpenSSL's own order counts"),
        new("rotateCertificates", Joined, ""), new("serverTLSBootstrap", Joined, ""),
        new("authentication", Works, "clientCAFile is read anew when it changes; a node alone has nobody to ask about tokens and refuses them"), new("authorization", Works, "Webhook on a node alone: client certificates of system:masters may everything, others nothing"),
        new("enableDebuggingHandlers", Works, ""), new("enableContentionProfiling", Ignored, GoOnly), new("enableProfilingHandler", Ignored, GoOnly),
        new("enableDebugFlagsHandler", Works, "/debug/flags/v sets the verbosity of the log"), new("enableSystemLogHandler", Works, "files below /var/log"), new("enableSystemLogQuery", Works, "services of the journal, or the files that they log to"),
        new("healthzPort", Works, "0: closed"), new("healthzBindAddress", Works, ""), new("streamingConnectionIdleTimeout", Works, "nothing in either direction for so long"),
        new("registerNode", Joined, ""), new("registerWithTaints", Joined, ""), new("providerID", Joined, ""),
        new("maxOpenFiles", Works, "as far as the hard limit can be raised"), new("oomScoreAdj", Works, "where CAP_SYS_RESOURCE is held"),
        new("contentType", Ignored, "JSON is spoken"), new("kubeAPIQPS", Joined, ""), new("kubeAPIBurst", Joined, ""), new("eventRecordQPS", Joined, ""), new("eventBurst", Joined, ""),
        new("nodeStatusUpdateFrequency", Joined, ""), new("nodeStatusReportFrequency", Joined, ""), new("nodeLeaseDurationSeconds", Joined, ""), new("nodeStatusMaxImages", Joined, ""),
        new("configMapAndSecretChangeDetectionStrategy", Joined, ""), new("volumeStatsAggPeriod", Works, "when asked, and no more often"),
        new("registryPullQPS", Works, "a pull that comes too early waits"), new("registryBurst", Works, ""), new("serializeImagePulls", Works, ""), new("maxParallelImagePulls", Works, ""),
        new("imagePullCredentialsVerificationPolicy", NotYet, "who pulled an image is not kept"), new("preloadedImagesVerificationAllowlist", NotYet, "who pulled an image is not kept"),
        new("imageMinimumGCAge", NotYet, Collecting), new("imageMaximumGCAge", NotYet, Collecting), new("imageGCHighThresholdPercent", NotYet, Collecting), new("imageGCLowThresholdPercent", NotYet, Collecting),
        new("containerLogMaxSize", Works, "an exact ceiling"), new("containerLogMaxFiles", Works, ""),
        new("containerLogMaxWorkers", Ignored, "each pod's holder rotates its own logs"), new("containerLogMonitorInterval", Ignored, "logs are rotated by the record that would not fit, not by time"),
        new("kubeletCgroups", NotYet, "the agent stays where it was started"), new("systemCgroups", NotYet, "processes of the machine stay where they are"),
        new("cgroupRoot", Works, ""), new("cgroupsPerQOS", Works, ""), new("cgroupDriver", Works, "systemd where it is process 1 and none is given; cgroupfs where it is not, whatever is given"), new("singleProcessOOMKill", Works, "version 2"),
        new("cpuManagerPolicy", NotYet, Numa), new("cpuManagerPolicyOptions", NotYet, Numa), new("cpuManagerReconcilePeriod", NotYet, Numa),
        new("memoryManagerPolicy", NotYet, Numa), new("topologyManagerPolicy", NotYet, Numa), new("topologyManagerScope", NotYet, Numa), new("topologyManagerPolicyOptions", NotYet, Numa),
        new("qosReserved", NotYet, "alpha, and off in the original too"), new("reservedMemory", NotYet, Numa),
        new("cpuCFSQuota", Works, ""), new("cpuCFSQuotaPeriod", Works, ""), new("podPidsLimit", Works, ""),
        new("systemReserved", Works, "lowers what pods may ask for"), new("kubeReserved", Works, "lowers what pods may ask for"), new("reservedSystemCPUs", NotYet, Numa),
        new("systemReservedCgroup", NotYet, "only pods are limited"), new("kubeReservedCgroup", NotYet, "only pods are limited"), new("enforceNodeAllocatable", Works, "`pods` and `none`; for the others nothing is limited"),
        new("memorySwap", Works, ""), new("failSwapOn", Works, ""), new("failCgroupV1", Works, "only an explicit true refuses version 1"),
        new("kernelMemcgNotification", NotYet, Evicting), new("memoryThrottlingFactor", NotYet, "alpha, and off in the original too"), new("memoryReservationPolicy", NotYet, "alpha, and off in the original too"),
        new("userNamespaces", Works, ""), new("localStorageCapacityIsolation", Works, ""),
        new("protectKernelDefaults", Works, "true: what differs ends the start"),
        new("maxPods", Works, ""), new("podsPerCore", NotYet, "maxPods alone counts"), new("podCIDR", Works, "addresses of the built-in network, where --pod-subnet gives none"),
        new("clusterDomain", Works, ""), new("clusterDNS", Works, ""), new("resolvConf", Works, ""),
        new("hairpinMode", Ignored, "ports of the built-in bridge always are in hairpin mode"), new("makeIPTablesUtilChains", Ignored, "nothing here needs the chains"),
        new("iptablesMasqueradeBit", Ignored, "nothing here needs the chains"), new("iptablesDropBit", Ignored, "nothing here needs the chains"),
        new("runtimeRequestTimeout", NotYet, "steps have limits of their own"), new("runOnce", Works, "true ends the start, as in the original"), new("allowedUnsafeSysctls", Works, ""),
        new("volumePluginDir", Ignored, "there is no flexvolume"), new("enableControllerAttachDetach", Joined, ""),
        new("evictionHard", Works, "lowers what pods may ask for; pods are not evicted yet"), new("evictionSoft", NotYet, Evicting), new("evictionSoftGracePeriod", NotYet, Evicting),
        new("evictionPressureTransitionPeriod", NotYet, Evicting), new("evictionMaxPodGracePeriod", NotYet, Evicting), new("evictionMinimumReclaim", NotYet, Evicting), new("mergeDefaultEvictionSettings", Works, ""),
        new("shutdownGracePeriod", NotYet, Shutting), new("shutdownGracePeriodCriticalPods", NotYet, Shutting), new("shutdownGracePeriodByPodPriority", NotYet, Shutting),
        new("crashLoopBackOff", Works, ""), new("featureGates", Works, "checked by name; those of 1.22 to 1.35 that are gone are warned of"), new("seccompDefault", Works, ""),
        new("containerRuntimeEndpoint", Ignored, "this program is the runtime"), new("imageServiceEndpoint", Ignored, "this program is the runtime"),
        new("showHiddenMetricsForVersion", Ignored, "no metric is hidden"), new("logging", Works, "infoBufferSize: messages are never held back"), new("tracing", NotYet, "no traces are sent"),
    ];

    /// <summary>Sentences about what is set and has no effect yet. A value that is the default's asks for nothing.</summary>
    internal static IEnumerable<string> WithoutEffect(JsonObject effective, JsonObject defaults) =>
        from field in All
        where field.State == NotYet && effective[field.Path] is { } value && !JsonNode.DeepEquals(value, defaults[field.Path])
        select $"{field.Path} has no effect in this version: {field.Note}";
}
