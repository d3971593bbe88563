using System.Net;
using System.Text;
using NativeKubelet.Api.Kubelet;

namespace NativeKubelet.Config;

/// <summary>The rules of a KubeletConfiguration whose defaults are in; all faults are told at once.</summary>
internal static class ConfigValidation
{
    public static List<string> Check(KubeletConfiguration c)
    {
        List<string> faults = [];
        Server(c, faults);
        Images(c, faults);
        Resources(c, faults);
        Pods(c, faults);
        return faults;
    }

    private static void Server(KubeletConfiguration c, List<string> faults)
    {
        Range(faults, "port (--port)", c.Port, 0, 65535);
        if (string.IsNullOrEmpty(c.TlsCertFile) != string.IsNullOrEmpty(c.TlsPrivateKeyFile))
            faults.Add("invalid configuration: tlsCertFile (--tls-cert-file) and tlsPrivateKeyFile (--tls-private-key-file) must be given together");
        if (c.ReadOnlyPort != 0) Range(faults, "readOnlyPort (--read-only-port)", c.ReadOnlyPort, 0, 65535);
        if (c.HealthzPort != 0) Range(faults, "healthzPort (--healthz-port)", c.HealthzPort, 1, 65535);
        Range(faults, "oomScoreAdj (--oom-score-adj)", c.OomScoreAdj, -1000, 1000);
        Range(faults, "kubeAPIQPS (--kube-api-qps)", c.KubeAPIQPS, 0);
        Range(faults, "kubeAPIBurst (--kube-api-burst)", c.KubeAPIBurst, 0);
        Range(faults, "eventRecordQPS (--event-qps)", c.EventRecordQPS, 0);
        Range(faults, "eventBurst (--event-burst)", c.EventBurst, 0);
        Range(faults, "maxOpenFiles (--max-open-files)", c.MaxOpenFiles, 0);
        Range(faults, "nodeStatusMaxImages (--node-status-max-images)", c.NodeStatusMaxImages, -1);
        if (c.NodeLeaseDurationSeconds <= 0) faults.Add("invalid configuration: nodeLeaseDurationSeconds must be greater than 0");
        if (c.SyncFrequency <= TimeSpan.Zero) faults.Add("invalid configuration: syncFrequency (--sync-frequency) must be greater than 0");
        Ip(faults, "address (--address)", c.Address);
        Ip(faults, "healthzBindAddress (--healthz-bind-address)", c.HealthzBindAddress);
        OneOf(faults, "authorization.mode (--authorization-mode)", c.Authorization?.Mode, "AlwaysAllow", "Webhook");
        OneOf(faults, "configMapAndSecretChangeDetectionStrategy", c.ConfigMapAndSecretChangeDetectionStrategy, "Get", "Cache", "Watch");
        OneOf(faults, "tlsMinVersion (--tls-min-version)", c.TlsMinVersion, "", "VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13");
        if (c.EnableSystemLogQuery == true && c.EnableSystemLogHandler != true)
            faults.Add("invalid configuration: enableSystemLogQuery needs enableSystemLogHandler");
        if (c.Logging?.Format is not ("text" or "json")) faults.Add($"logging.format: Invalid value: \"{c.Logging?.Format}\": Unsupported log format");
        if (c.Logging?.Verbosity > int.MaxValue) faults.Add($"logging.verbosity: Invalid value: {c.Logging.Verbosity}: must be at most {int.MaxValue}");
        if (c.Logging is { Format: "json", Vmodule.Count: > 0 }) faults.Add("logging.vmodule: Forbidden: only supported for text log format");
        foreach (VerbosityModule module in c.Logging?.Vmodule ?? [])
            if (string.IsNullOrEmpty(module.FilePattern) || module.FilePattern.AsSpan().ContainsAny('=', ','))
                faults.Add($"logging.vmodule: Invalid value: \"{module.FilePattern}\": a pattern without \"=\" and \",\" is needed");
        if (c.ContainerRuntimeEndpoint is { Length: > 0 } endpoint && !endpoint.StartsWith("unix://", StringComparison.Ordinal) && !endpoint.StartsWith('/'))
            faults.Add($"invalid configuration: containerRuntimeEndpoint (--container-runtime-endpoint) {endpoint} must be a unix socket");
        if (c.Tracing is { SamplingRatePerMillion: { } rate }) Range(faults, "tracing.samplingRatePerMillion", rate, 0, 1_000_000);
    }

    private static void Images(KubeletConfiguration c, List<string> faults)
    {
        Range(faults, "registryPullQPS (--registry-qps)", c.RegistryPullQPS, 0);
        Range(faults, "registryBurst (--registry-burst)", c.RegistryBurst, 0);
        Range(faults, "imageGCHighThresholdPercent (--image-gc-high-threshold)", c.ImageGCHighThresholdPercent, 0, 100);
        Range(faults, "imageGCLowThresholdPercent (--image-gc-low-threshold)", c.ImageGCLowThresholdPercent, 0, 100);
        if (c.ImageGCLowThresholdPercent >= c.ImageGCHighThresholdPercent)
            faults.Add($"invalid configuration: imageGCLowThresholdPercent (--image-gc-low-threshold) {c.ImageGCLowThresholdPercent} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) {c.ImageGCHighThresholdPercent}");
        if (c.MaxParallelImagePulls is < 1) faults.Add($"invalid configuration: maxParallelImagePulls {c.MaxParallelImagePulls} must be a positive number");
        if (c is { MaxParallelImagePulls: > 1, SerializeImagePulls: true })
            faults.Add("invalid configuration: maxParallelImagePulls cannot be larger than 1 unless serializeImagePulls (--serialize-image-pulls) is false");
        if (c.ImageMinimumGCAge < TimeSpan.Zero) faults.Add("invalid configuration: imageMinimumGCAge (--minimum-image-ttl-duration) must not be negative");
        if (c.ImageMaximumGCAge < TimeSpan.Zero || (c.ImageMaximumGCAge > TimeSpan.Zero && c.ImageMaximumGCAge <= c.ImageMinimumGCAge))
            faults.Add("invalid configuration: imageMaximumGCAge must be 0 or greater than imageMinimumGCAge (--minimum-image-ttl-duration)");
        OneOf(faults, "imagePullCredentialsVerificationPolicy", c.ImagePullCredentialsVerificationPolicy,
            "NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages", "AlwaysVerify");
        if (!ByteQuantity.TryParse(c.ContainerLogMaxSize, out _))
            faults.Add($"invalid configuration: containerLogMaxSize (--container-log-max-size) {c.ContainerLogMaxSize} must be a quantity such as 10Mi");
        Range(faults, "containerLogMaxFiles (--container-log-max-files)", c.ContainerLogMaxFiles, 2);
        Range(faults, "containerLogMaxWorkers", c.ContainerLogMaxWorkers, 1);
        if (c.ContainerLogMonitorInterval < TimeSpan.FromSeconds(3)) faults.Add("invalid configuration: containerLogMonitorInterval must be at least 3s");
    }

    private static void Resources(KubeletConfiguration c, List<string> faults)
    {
        OneOf(faults, "cgroupDriver (--cgroup-driver)", c.CgroupDriver, "cgroupfs", "systemd");
        OneOf(faults, "cpuManagerPolicy (--cpu-manager-policy)", c.CpuManagerPolicy, "none", "static");
        OneOf(faults, "memoryManagerPolicy (--memory-manager-policy)", c.MemoryManagerPolicy, "None", "Static");
        OneOf(faults, "topologyManagerPolicy (--topology-manager-policy)", c.TopologyManagerPolicy, "none", "best-effort", "restricted", "single-numa-node");
        OneOf(faults, "topologyManagerScope (--topology-manager-scope)", c.TopologyManagerScope, "container", "pod");
        OneOf(faults, "memorySwap.swapBehavior", c.MemorySwap?.SwapBehavior, "", "NoSwap", "LimitedSwap");
        OneOf(faults, "memoryReservationPolicy", c.MemoryReservationPolicy, "None", "TieredReservation");
        if (c.CpuCFSQuotaPeriod < TimeSpan.FromMilliseconds(1) || c.CpuCFSQuotaPeriod > TimeSpan.FromSeconds(1))
            faults.Add($"invalid configuration: cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {GoDurationText.Format(c.CpuCFSQuotaPeriod!.Value)} must be between 1ms and 1s, inclusive");
        if (c.MemoryThrottlingFactor is not (> 0 and <= 1)) faults.Add("invalid configuration: memoryThrottlingFactor must be greater than 0 and at most 1");
        if (c.UserNamespaces?.IdsPerPod is < 65536 or > uint.MaxValue || c.UserNamespaces?.IdsPerPod % 65536 != 0)
            faults.Add($"invalid configuration: userNamespaces.idsPerPod {c.UserNamespaces?.IdsPerPod} must be a multiple of 65536, from 65536 to 4294967295");
        IReadOnlyList<string> enforce = c.EnforceNodeAllocatable ?? [];
        foreach (string entry in enforce)
            OneOf(faults, "enforceNodeAllocatable (--enforce-node-allocatable)", entry,
                "none", "pods", "system-reserved", "system-reserved-compressible", "kube-reserved", "kube-reserved-compressible");
        if (enforce.Distinct().Count() != enforce.Count) faults.Add("invalid configuration: enforceNodeAllocatable (--enforce-node-allocatable) names an entry twice");
        if (enforce.Contains("none") && enforce.Count > 1) faults.Add("invalid configuration: enforceNodeAllocatable (--enforce-node-allocatable) may not contain none beside other entries");
        foreach ((string name, string field, string? cgroup) in (ReadOnlySpan<(string, string, string?)>)
            [("system-reserved", "systemReservedCgroup", c.SystemReservedCgroup), ("kube-reserved", "kubeReservedCgroup", c.KubeReservedCgroup)])
        {
            bool plain = enforce.Contains(name), compressible = enforce.Contains(name + "-compressible");
            if ((plain || compressible) && string.IsNullOrEmpty(cgroup)) faults.Add($"invalid configuration: {field} (--{name}-cgroup) must be specified when enforceNodeAllocatable contains {name}");
            if (plain && compressible) faults.Add($"invalid configuration: enforceNodeAllocatable may not contain both {name} and {name}-compressible");
        }

        if (c.CgroupsPerQOS == false && enforce.Any(e => e != "none"))
            faults.Add("invalid configuration: enforceNodeAllocatable (--enforce-node-allocatable) needs cgroupsPerQOS (--cgroups-per-qos)");
        Reserved(faults, "systemReserved (--system-reserved)", c.SystemReserved);
        Reserved(faults, "kubeReserved (--kube-reserved)", c.KubeReserved);
        if (!string.IsNullOrEmpty(c.SystemCgroups) && string.IsNullOrEmpty(c.CgroupRoot)) faults.Add("invalid configuration: systemCgroups (--system-cgroups) needs cgroupRoot (--cgroup-root)");
        if (!string.IsNullOrEmpty(c.ReservedSystemCPUs) && !(string.IsNullOrEmpty(c.SystemReservedCgroup) && string.IsNullOrEmpty(c.KubeReservedCgroup)))
            faults.Add("invalid configuration: reservedSystemCPUs (--reserved-cpus) may not be used with systemReservedCgroup or kubeReservedCgroup");
    }

    private static void Pods(KubeletConfiguration c, List<string> faults)
    {
        Range(faults, "maxPods (--max-pods)", c.MaxPods, 0);
        Range(faults, "podsPerCore (--pods-per-core)", c.PodsPerCore, 0);
        Range(faults, "iptablesMasqueradeBit", c.IptablesMasqueradeBit, 0, 31);
        Range(faults, "iptablesDropBit", c.IptablesDropBit, 0, 31);
        OneOf(faults, "hairpinMode (--hairpin-mode)", c.HairpinMode, "promiscuous-bridge", "hairpin-veth", "none");
        if (c.RunOnce == true) faults.Add("invalid configuration: runOnce (--runonce) must be false, it is no longer supported");
        if (c.PodLogsDir is not { } logs || !Path.IsPathRooted(logs) || Path.GetFullPath(logs) != logs || !Ascii.IsValid(logs))
            faults.Add($"invalid configuration: podLogsDir \"{c.PodLogsDir}\" must be an absolute, cleaned path of ASCII characters");
        Shutdown(faults, "shutdownGracePeriod", c.ShutdownGracePeriod);
        Shutdown(faults, "shutdownGracePeriodCriticalPods", c.ShutdownGracePeriodCriticalPods);
        if (c.ShutdownGracePeriodCriticalPods > c.ShutdownGracePeriod)
            faults.Add("invalid configuration: shutdownGracePeriodCriticalPods must not be greater than shutdownGracePeriod");
        if (c.ShutdownGracePeriodByPodPriority is { Count: > 0 } && (c.ShutdownGracePeriod > TimeSpan.Zero || c.ShutdownGracePeriodCriticalPods > TimeSpan.Zero))
            faults.Add("invalid configuration: shutdownGracePeriodByPodPriority may not be used with shutdownGracePeriod and shutdownGracePeriodCriticalPods");
        if (c.CrashLoopBackOff?.MaxContainerRestartPeriod is { } period && (period < TimeSpan.FromSeconds(1) || period > TimeSpan.FromSeconds(300)))
            faults.Add($"invalid configuration: crashLoopBackOff.maxContainerRestartPeriod {GoDurationText.Format(period)} must be between 1s and 300s");
        foreach (string signal in c.EvictionSoft?.Keys ?? Enumerable.Empty<string>())
            if (c.EvictionSoftGracePeriod?.ContainsKey(signal) != true)
                faults.Add($"invalid configuration: evictionSoft (--eviction-soft) {signal} needs a grace period in evictionSoftGracePeriod (--eviction-soft-grace-period)");
    }

    private static void Shutdown(List<string> faults, string field, TimeSpan? value)
    {
        if (value < TimeSpan.Zero || (value > TimeSpan.Zero && value < TimeSpan.FromSeconds(1)))
            faults.Add($"invalid configuration: {field} {GoDurationText.Format(value.Value)} must be either zero or at least 1s");
    }

    private static void Reserved(List<string> faults, string field, Dictionary<string, string>? values)
    {
        foreach ((string resource, string amount) in values ?? [])
        {
            if (resource is not ("cpu" or "memory" or "ephemeral-storage" or "pid")) faults.Add($"invalid configuration: {field}: cannot reserve \"{resource}\" resource");
            else if (!ByteQuantity.TryParse(amount, out long number) || number < 0) faults.Add($"invalid configuration: {field} {resource}={amount} must be a quantity of at least 0");
        }
    }

    private static void Range(List<string> faults, string field, long? value, long least, long most = long.MaxValue)
    {
        if (value < least || value > most)
            faults.Add($"invalid configuration: {field} {value} must be {(most == long.MaxValue ? $"at least {least}" : $"between {least} and {most}, inclusive")}");
    }

    private static void Ip(List<string> faults, string field, string? value)
    {
        if (!IPAddress.TryParse(value, out _)) faults.Add($"invalid configuration: {field} {value} must be an IP address");
    }

    private static void OneOf(List<string> faults, string field, string? value, params ReadOnlySpan<string> allowed)
    {
        if (!allowed.Contains(value ?? "")) faults.Add($"invalid configuration: {field} \"{value}\" must be one of {string.Join(", ", allowed.ToArray().Where(a => a.Length > 0))}");
    }
}
