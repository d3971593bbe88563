using System.Collections.Frozen;
using static NativeKubelet.Config.FlagKind;

namespace NativeKubelet.Config;

/// <summary>Every flag, as data: the parser, --help and the documentation read this one table.</summary>
public static class KubeletFlags
{
    public const string UseConfigFile = "This parameter should be set via the config file specified by the Kubelet's --config flag. See https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/ for more information.";
    private const string UseEviction = "Use --eviction-hard or --eviction-soft instead. Will be removed in a future version.";
    private const string Dockershim = "will be removed along with dockershim.";
    private const string Gone = "the kubelet no longer has it; it is accepted for the sake of old command lines.";

    private static readonly FlagSpec[] Process =
    [
        new("config", Text, "", "file with the KubeletConfiguration"),
        new("config-dir", Text, "", "directory whose *.conf files are merged over the file"),
        new("kubeconfig", Text, "", "how to reach the API server; empty, or no such file: standalone"),
        new("bootstrap-kubeconfig", Text, "", "credentials for the first client certificate, while there is no usable kubeconfig"),
        new("cert-dir", Text, "/var/lib/kubelet/pki", "where the node keeps the certificates that it makes"),
        new("hostname-override", Text, "", "node name instead of the host's"),
        new("node-ip", Text, "", "address of the node, or an IPv4 and an IPv6 one"),
        new("node-labels", Labels, "", "labels of the node at registration"),
        new("cloud-provider", Text, "", "empty or external", NotYet: "a cloud's taint and addresses are not waited for by this version"),
        new("root-dir", Text, "/var/lib/kubelet", "volumes and plugin directories"),
        new("seccomp-default", Bool, "false", "RuntimeDefault is the seccomp profile of all containers"),
        new("runtime-cgroups", Text, "", "cgroup reported as the runtime's", Status: FlagStatus.Ignored),
        new("image-credential-provider-config", Text, "", "configuration of credential plugins", NotYet: "credential plugins are not asked"),
        new("image-credential-provider-bin-dir", Text, "", "where credential plugins are", NotYet: "credential plugins are not asked"),
        new("lock-file", Text, "", "file locked while running"),
        new("exit-on-lock-contention", Bool, "false", "end when another process wants the lock file"),
        new("version", FlagKind.Version, "false", "print the version and end"),
        new("help", Bool, "false", "print this list and end", Shorthand: 'h'),
        new("experimental-mounter-path", Text, "", "other mount program", Deprecation: "will be removed in a future version.", Status: FlagStatus.Ignored),
        new("experimental-allocatable-ignore-eviction", Bool, "false", "hard eviction thresholds do not lower allocatable", Deprecation: "will be removed in a future version.", NotYet: "thresholds always count"),
        new("minimum-container-ttl-duration", Duration, "0s", "least age at which a dead container is removed", Deprecation: UseEviction, NotYet: "the last dead instance of each container is kept"),
        new("maximum-dead-containers-per-container", Whole, "1", "dead instances kept per container", Deprecation: UseEviction, NotYet: "the last dead instance of each container is kept"),
        new("maximum-dead-containers", Whole, "-1", "dead containers kept in all; negative: no cap", Deprecation: UseEviction, NotYet: "the last dead instance of each container is kept"),
        new("housekeeping-interval", Duration, "10s", "period of the statistics sample", NotYet: "usage is sampled every 10 s"),
        new("max-housekeeping-interval", Duration, "15s", "longest period of the statistics sample", NotYet: "usage is sampled every 10 s"),
    ];

    private static readonly FlagSpec[] Own =
    [
        new("data-dir", Text, "/var/lib/nativekubelet", "images, writable layers and records that survive a reboot"),
        new("run-dir", Text, "/run/nativekubelet", "live records and sockets; on tmpfs"),
        new("container-logs-dir", Text, "/var/log/containers", "links to the pods' logs for log collectors"),
        new("image-preload-dir", Text, "", "archives imported at the start; empty: DATA/preload"),
        new("runtime-handler", TextMap, "", "other OCI runtimes by the names that pods' runtimeClassName uses: NAME=PROGRAM, more separated by commas"),
        new("runtime", Text, "runc", "OCI runtime: a name looked up in PATH, or a path"),
        new("bridge-name", Text, "nk0", "bridge of the built-in network"),
        new("pod-subnet", Text, "", "addresses of the built-in network; empty: podCIDR, else 10.88.0.0/16"),
        new("cni-conf-dir", Text, "/etc/cni/net.d", "CNI configurations", Deprecation: Dockershim),
        new("cni-bin-dir", TextList, "/opt/cni/bin", "CNI plugins", Deprecation: Dockershim),
        new("cni-cache-dir", Text, "/var/lib/cni/cache", "results of CNI plugins"),
        new("boot-from-cache", Bool, "true", "run the cluster's pods as last known while the API server cannot be reached"),
        new("boot-cache-key", Text, "", "file with the key that what is known of the cluster is kept under on disk: 32 bytes or their base64; by default it is kept in plain files of root's"),
        new("take-over", Bool, "false", "start although unknown pods run under the cgroup root"),
        new("allow-private-mounts", Bool, "false", "start in a mount namespace that is not PID 1's"),
        new("set-kernel-tunables", Bool, "", "set vm.overcommit_memory, kernel.panic and others as a kubelet expects them; by default only where cgroupRoot is /"),
        new("strict-runtime", Bool, "false", "refuse to start with an OCI runtime older than the tested ones"),
    ];

    // flag, field, kind
    private static readonly (string Flag, string Field, FlagKind Kind)[] Backed =
    [
        ("enable-server", "enableServer", Bool), ("fail-swap-on", "failSwapOn", Bool), ("pod-manifest-path", "staticPodPath", Text),
        ("sync-frequency", "syncFrequency", Duration), ("file-check-frequency", "fileCheckFrequency", Duration), ("http-check-frequency", "httpCheckFrequency", Duration),
        ("manifest-url", "staticPodURL", Text), ("manifest-url-header", "staticPodURLHeader", HeaderMap), ("address", "address", Ip), ("port", "port", Whole),
        ("read-only-port", "readOnlyPort", Whole), ("fail-cgroupv1", "failCgroupV1", Bool), ("container-runtime-endpoint", "containerRuntimeEndpoint", Text),
        ("image-service-endpoint", "imageServiceEndpoint", Text), ("anonymous-auth", "authentication.anonymous.enabled", Bool),
        ("authentication-token-webhook", "authentication.webhook.enabled", Bool), ("authentication-token-webhook-cache-ttl", "authentication.webhook.cacheTTL", Duration),
        ("client-ca-file", "authentication.x509.clientCAFile", Text), ("authorization-mode", "authorization.mode", Text),
        ("authorization-webhook-cache-authorized-ttl", "authorization.webhook.cacheAuthorizedTTL", Duration),
        ("authorization-webhook-cache-unauthorized-ttl", "authorization.webhook.cacheUnauthorizedTTL", Duration),
        ("tls-cert-file", "tlsCertFile", Text), ("tls-private-key-file", "tlsPrivateKeyFile", Text), ("tls-cipher-suites", "tlsCipherSuites", TextList),
        ("tls-min-version", "tlsMinVersion", Text), ("rotate-server-certificates", "serverTLSBootstrap", Bool), ("rotate-certificates", "rotateCertificates", Bool),
        ("registry-qps", "registryPullQPS", Whole), ("registry-burst", "registryBurst", Whole), ("event-qps", "eventRecordQPS", Whole), ("event-burst", "eventBurst", Whole),
        ("enable-debugging-handlers", "enableDebuggingHandlers", Bool), ("contention-profiling", "enableContentionProfiling", Bool),
        ("healthz-port", "healthzPort", Whole), ("healthz-bind-address", "healthzBindAddress", Ip), ("oom-score-adj", "oomScoreAdj", Whole),
        ("cluster-domain", "clusterDomain", Text), ("cluster-dns", "clusterDNS", TextList), ("volume-plugin-dir", "volumePluginDir", Text),
        ("volume-stats-agg-period", "volumeStatsAggPeriod", Duration), ("streaming-connection-idle-timeout", "streamingConnectionIdleTimeout", Duration),
        ("node-status-update-frequency", "nodeStatusUpdateFrequency", Duration), ("minimum-image-ttl-duration", "imageMinimumGCAge", Duration),
        ("image-gc-high-threshold", "imageGCHighThresholdPercent", Whole), ("image-gc-low-threshold", "imageGCLowThresholdPercent", Whole),
        ("feature-gates", "featureGates", BoolMap), ("kubelet-cgroups", "kubeletCgroups", Text), ("system-cgroups", "systemCgroups", Text),
        ("provider-id", "providerID", Text), ("cgroups-per-qos", "cgroupsPerQOS", Bool), ("cgroup-driver", "cgroupDriver", Text), ("cgroup-root", "cgroupRoot", Text),
        ("cpu-manager-policy", "cpuManagerPolicy", Text), ("cpu-manager-policy-options", "cpuManagerPolicyOptions", TextMapOnePair),
        ("cpu-manager-reconcile-period", "cpuManagerReconcilePeriod", Duration), ("qos-reserved", "qosReserved", TextMap),
        ("topology-manager-policy", "topologyManagerPolicy", Text), ("topology-manager-scope", "topologyManagerScope", Text),
        ("topology-manager-policy-options", "topologyManagerPolicyOptions", TextMap), ("memory-manager-policy", "memoryManagerPolicy", Text),
        ("reserved-memory", "reservedMemory", ReservedMemory), ("runtime-request-timeout", "runtimeRequestTimeout", Duration), ("hairpin-mode", "hairpinMode", Text),
        ("max-pods", "maxPods", Whole), ("pods-per-core", "podsPerCore", Whole), ("pod-cidr", "podCIDR", Text), ("pod-max-pids", "podPidsLimit", Long),
        ("resolv-conf", "resolvConf", Text), ("runonce", "runOnce", Bool), ("cpu-cfs-quota", "cpuCFSQuota", Bool), ("cpu-cfs-quota-period", "cpuCFSQuotaPeriod", Duration),
        ("enable-controller-attach-detach", "enableControllerAttachDetach", Bool), ("make-iptables-util-chains", "makeIPTablesUtilChains", Bool),
        ("container-log-max-size", "containerLogMaxSize", Text), ("container-log-max-files", "containerLogMaxFiles", Whole),
        ("allowed-unsafe-sysctls", "allowedUnsafeSysctls", TextList), ("node-status-max-images", "nodeStatusMaxImages", Whole),
        ("kernel-memcg-notification", "kernelMemcgNotification", Bool), ("local-storage-capacity-isolation", "localStorageCapacityIsolation", Bool),
        ("max-open-files", "maxOpenFiles", Long), ("kube-api-content-type", "contentType", Text), ("kube-api-qps", "kubeAPIQPS", Whole), ("kube-api-burst", "kubeAPIBurst", Whole),
        ("serialize-image-pulls", "serializeImagePulls", Bool), ("eviction-hard", "evictionHard", LessMap), ("eviction-soft", "evictionSoft", LessMap),
        ("eviction-soft-grace-period", "evictionSoftGracePeriod", TextMap), ("eviction-pressure-transition-period", "evictionPressureTransitionPeriod", Duration),
        ("eviction-max-pod-grace-period", "evictionMaxPodGracePeriod", Whole), ("eviction-minimum-reclaim", "evictionMinimumReclaim", TextMap),
        ("protect-kernel-defaults", "protectKernelDefaults", Bool), ("reserved-cpus", "reservedSystemCPUs", Text), ("system-reserved", "systemReserved", TextMap),
        ("kube-reserved", "kubeReserved", TextMap), ("enforce-node-allocatable", "enforceNodeAllocatable", TextList),
        ("system-reserved-cgroup", "systemReservedCgroup", Text), ("kube-reserved-cgroup", "kubeReservedCgroup", Text), ("register-node", "registerNode", Bool),
        ("register-with-taints", "registerWithTaints", Taints), ("logging-format", "logging.format", Text), ("log-flush-frequency", "logging.flushFrequency", Duration),
        ("v", "logging.verbosity", Whole), ("vmodule", "logging.vmodule", Vmodule),
        ("log-text-split-stream", "logging.options.text.splitStream", Bool), ("log-text-info-buffer-size", "logging.options.text.infoBufferSize", Text),
        ("log-json-split-stream", "logging.options.json.splitStream", Bool), ("log-json-info-buffer-size", "logging.options.json.infoBufferSize", Text),
    ];

    private static readonly string[] NotDeprecated = ["v", "vmodule", "log-flush-frequency", "provider-id", "fail-cgroupv1"];

    // Accepted with a warning, no effect: cAdvisor's left-overs, dockershim's and klog's.
    private static readonly (string Names, FlagKind Kind, string Why)[] Ignored =
    [
        ("container-hints containerd containerd-namespace event-storage-age-limit event-storage-event-limit boot-id-file machine-id-file "
            + "storage-driver-user storage-driver-password storage-driver-host storage-driver-db storage-driver-table", Text, "This is a cadvisor flag that was mistakenly registered with the Kubelet. Due to legacy concerns, it will follow the standard CLI deprecation timeline before being removed."),
        ("application-metrics-count-limit", Whole, Gone), ("enable-load-reader log-cadvisor-usage storage-driver-secure", Bool, Gone),
        ("global-housekeeping-interval storage-driver-buffer-duration", Duration, Gone),
        ("network-plugin pod-infra-container-image", Text, Dockershim), ("network-plugin-mtu", Whole, Dockershim),
        ("container-runtime docker docker-endpoint docker-root docker-env-metadata-whitelist docker-tls-ca docker-tls-cert docker-tls-key experimental-dockershim-root-directory", Text, Dockershim),
        ("docker-only docker-tls", Bool, Dockershim), ("image-pull-progress-deadline", Duration, Dockershim),
        ("dynamic-config-dir cloud-config azure-container-registry-config master-service-namespace non-masquerade-cidr seccomp-profile-root", Text, Gone),
        ("experimental-check-node-capabilities-before-mount keep-terminated-pod-volumes register-schedulable really-crash-for-testing enable-cadvisor-json-endpoints redirect-container-streaming", Bool, Gone),
        ("chaos-chance", Float, Gone), ("iptables-masquerade-bit iptables-drop-bit", Whole, Gone),
        ("logtostderr alsologtostderr add-dir-header skip-headers skip-log-headers one-output experimental-logging-sanitization", Bool, Gone),
        ("stderrthreshold log-dir log-file log-backtrace-at", Text, Gone), ("log-file-max-size", Long, Gone),
    ];

    public static IReadOnlyList<FlagSpec> All { get; } =
    [
        .. Process, .. Own,
        .. Backed.Select(b => new FlagSpec(b.Flag, b.Kind, "", $"sets {b.Field}", b.Field,
            NotDeprecated.Contains(b.Flag) ? null : UseConfigFile, Shorthand: b.Flag == "v" ? 'v' : '\0')),
        .. Ignored.SelectMany(i => i.Names.Split(' ').Select(n => new FlagSpec(n, i.Kind, "", "none", null, i.Why, FlagStatus.Ignored))),
        new("experimental-bootstrap-kubeconfig", Text, "", "as --bootstrap-kubeconfig", null, Gone, AliasOf: "bootstrap-kubeconfig"),
        new("experimental-kernel-memcg-notification", Bool, "", "as --kernel-memcg-notification", "kernelMemcgNotification", Gone, AliasOf: "kernel-memcg-notification"),
        new("show-hidden-metrics-for-version", Text, "", "sets showHiddenMetricsForVersion", "showHiddenMetricsForVersion", Gone),
    ];

    private static readonly FrozenDictionary<string, FlagSpec> ByName = All.ToFrozenDictionary(f => f.Name);

    /// <summary>Underscores in names equal dashes.</summary>
    public static FlagSpec? Find(string name) => ByName.GetValueOrDefault(name.Replace('_', '-'));

    public static FlagSpec? FindShorthand(char letter) => letter is 'v' ? ByName["v"] : letter is 'h' ? ByName["help"] : null;
}
