using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Runtime;

namespace NativeKubelet.Config;

/// <summary>From a command line to checked options: defaults, then --config, then --config-dir, then flags.</summary>
public static class OptionsResolver
{
    /// <param name="usualDriver">cgroupDriver where nobody says which.</param>
    /// <exception cref="ConfigException">Anything that must end the start; the message is complete.</exception>
    public static KubeletOptions Resolve(ParsedFlags flags, string usualDriver = "cgroupfs")
    {
        List<string> warnings = [];
        List<ConfigLayer> layers = [];
        KubeletConfiguration config = Configuration(flags, usualDriver, layers, warnings);
        List<string> faults = ConfigValidation.Check(config);
        FeatureGates gates = FeatureGates.Apply(config.FeatureGates ?? [], faults, warnings);
        NodeOptions node = NodeFlags.Read(flags, faults, warnings);
        string root = flags.Text("root-dir");
        if (!Path.IsPathRooted(root) || Path.GetFullPath(root) != root) faults.Add($"--root-dir {root} must be an absolute, cleaned path");
        if (flags.Bool("exit-on-lock-contention") && flags.Text("lock-file").Length == 0) faults.Add("cannot use --exit-on-lock-contention without --lock-file");
        if (faults.Count > 0) throw new ConfigException($"failed to validate kubelet configuration, error: [{string.Join(", ", faults)}]");
        warnings.AddRange(KubeletFlags.All.Where(f => f.NotYet is not null && flags.Own.TryGetValue(f.Name, out JsonNode? given) && given.ToString() != f.Default).Select(f => $"--{f.Name} has no effect: {f.NotYet}"));
        warnings.AddRange(ConfigFields.WithoutEffect(Tree(config), Tree(ConfigDefaults.Apply(new(), usualDriver))));
        return Build(flags, config, gates, node, warnings) with { Origins = new(flags, layers) };
    }

    private static KubeletConfiguration Configuration(ParsedFlags flags, string usualDriver, List<ConfigLayer> layers, List<string> warnings)
    {
        string file = flags.Text("config"), directory = flags.Text("config-dir");
        if (file.Length > 0) layers.Add(ConfigFile.Load(file, warnings));
        // The base is defaulted before drop-ins come over it, as in the original: one evictionHard key adds to the built-in ones.
        KubeletConfiguration config = ConfigDefaults.Apply(layers is [var given] ? ConfigFile.Decode(given.Given) : new(), usualDriver);
        if (directory.Length > 0)
        {
            JsonObject merged = Tree(config);
            layers.AddRange(ConfigFile.MergeDropIns(merged, directory, warnings));
            config = ConfigDefaults.Apply(ConfigFile.Decode(merged), usualDriver);
        }
        if (flags.Overlay.Count == 0) return config;
        layers.Add(new(ConfigOriginKind.Flag, "", flags.Overlay, null));
        JsonObject tree = Tree(config);
        Overlay(tree, flags.Overlay, "");
        return ConfigFile.Decode(tree, "command line");
    }

    // A map given by flags replaces the file's, except gates, which are merged one by one.
    private static void Overlay(JsonObject into, JsonObject flags, string path)
    {
        foreach ((string name, JsonNode? value) in flags)
        {
            string at = path + name;
            bool isStruct = at is "authentication" or "authentication.anonymous" or "authentication.webhook" or "authentication.x509" or "authorization"
                or "authorization.webhook" or "logging" or "logging.options" or "logging.options.text" or "logging.options.json" or "featureGates";
            if (isStruct && value is JsonObject changes && into[name] is JsonObject had) Overlay(had, changes, at + ".");
            else into[name] = value?.DeepClone();
        }
    }

    internal static JsonObject Tree(KubeletConfiguration config) =>
        JsonSerializer.SerializeToNode(config, KubeletConfigurationContext.Default.KubeletConfiguration)!.AsObject();

    private static KubeletOptions Build(ParsedFlags flags, KubeletConfiguration c, FeatureGates gates, NodeOptions node, List<string> warnings)
    {
        string data = Path.GetFullPath(flags.Text("data-dir"));
        RuntimePaths paths = new(flags.Text("root-dir"), data, Path.GetFullPath(flags.Text("run-dir")), c.PodLogsDir!, Path.GetFullPath(flags.Text("container-logs-dir")));
        _ = ByteQuantity.TryParse(c.ContainerLogMaxSize, out long logBytes);
        c = c with
        {
            SeccompDefault = c.SeccompDefault == true || flags.Bool("seccomp-default"),
            ContainerRuntimeEndpoint = c.ContainerRuntimeEndpoint is { Length: > 0 } endpoint ? endpoint : $"unix://{paths.Run}/cri.sock",
        };
        int deadInAll = flags.Own.TryGetValue("maximum-dead-containers", out JsonNode? dead) ? (int)dead.GetValue<long>() : -1;
        bool split = (c.Logging!.Format == "json" ? c.Logging.Options?.Json : c.Logging.Options?.Text)?.SplitStream ?? false;
        return new(
            c, paths, node,
            new(NullIfEmpty(c.StaticPodPath), c.FileCheckFrequency!.Value, NullIfEmpty(c.StaticPodURL),
                c.StaticPodURLHeader ?? [], c.HttpCheckFrequency!.Value),
            new(c.CgroupDriver == "systemd" ? CgroupDriver.Systemd : CgroupDriver.Cgroupfs, string.IsNullOrEmpty(c.CgroupRoot) ? "/" : c.CgroupRoot, c.CgroupsPerQOS!.Value,
                c.FailCgroupV1!.Value, c.CpuCFSQuota!.Value, c.CpuCFSQuotaPeriod!.Value, c.PodPidsLimit > 0 ? c.PodPidsLimit : null, c.SingleProcessOOMKill,
                c.KubeReserved ?? [], c.SystemReserved ?? [], c.EnforceNodeAllocatable!),
            new(flags.Text("bridge-name"), NullIfEmpty(flags.Text("pod-subnet")) ?? NullIfEmpty(c.PodCIDR), flags.Text("cni-conf-dir"), Words(flags, "cni-bin-dir"),
                flags.Text("cni-cache-dir"), c.ClusterDomain ?? "", Dns(c, warnings), c.ResolvConf!),
            new(NullIfEmpty(flags.Text("image-preload-dir")) ?? Path.Combine(data, "preload"), c.SerializeImagePulls == true ? 1 : c.MaxParallelImagePulls,
                new(c.RegistryPullQPS!.Value, c.RegistryBurst!.Value),
                c.ImageMinimumGCAge!.Value, c.ImageMaximumGCAge!.Value, c.ImageGCHighThresholdPercent!.Value, c.ImageGCLowThresholdPercent!.Value,
                NullIfEmpty(flags.Text("pod-infra-container-image"))),
            new(logBytes > 0 ? logBytes : null, c.ContainerLogMaxFiles!.Value),
            Server(c, node, warnings),
            new(flags.Text("runtime"), flags.Bool("strict-runtime"), c.SeccompDefault!.Value, c.MaxPods!.Value, c.CrashLoopBackOff!.MaxContainerRestartPeriod!.Value,
                c.RuntimeRequestTimeout!.Value, c.FailSwapOn!.Value, c.AllowedUnsafeSysctls ?? [], Period(flags, "minimum-container-ttl-duration"),
                flags.Own.TryGetValue("maximum-dead-containers-per-container", out JsonNode? per) ? (int)per.GetValue<long>() : 1,
                deadInAll < 0 ? null : deadInAll, Period(flags, "housekeeping-interval"))
            { Handlers = Pairs(flags, "runtime-handler") },
            new(c.Logging.Format == "json", (int)c.Logging.Verbosity!.Value,
                [.. (c.Logging.Vmodule ?? []).Select(m => (m.FilePattern!, (int)(m.Verbosity ?? 0)))], split && gates["LoggingAlphaOptions"], c.Logging.FlushFrequency!.Value),
            gates,
            new(flags.Bool("take-over"), flags.Bool("allow-private-mounts"), NullIfEmpty(flags.Text("lock-file")), flags.Bool("exit-on-lock-contention"),
                c.OomScoreAdj!.Value, c.MaxOpenFiles!.Value,
                // A node that is confined to a part of the machine shares the kernel with others.
                flags.Own.ContainsKey("set-kernel-tunables") ? flags.Bool("set-kernel-tunables") : c.CgroupRoot is null or "" or "/"),
            warnings);
    }

    // Standalone there is nobody to ask who a caller is: 10250 opens only where the user said by file whom to trust.
    private static ServerOptions Server(KubeletConfiguration c, NodeOptions node, List<string> warnings)
    {
        bool wanted = c.EnableServer == true && c.Port > 0;
        bool trusted = !string.IsNullOrEmpty(c.Authentication!.X509!.ClientCAFile) || (c.Authentication.Anonymous!.Enabled == true && c.Authorization!.Mode == "AlwaysAllow");
        bool open = wanted && (!node.Standalone || trusted);
        if (wanted && !open)
            warnings.Add($"port {c.Port} stays closed: standalone, and neither authentication.x509.clientCAFile nor anonymous access with AlwaysAllow is configured");
        else if (node.Standalone && wanted && c.Authorization!.Mode == "Webhook")
            warnings.Add("no client provided, webhook authentication and authorization cannot be asked: tokens are refused, and only client certificates of system:masters may anything");
        return new(IPAddress.Parse(c.Address!), open ? c.Port : null, c.EnableServer == true && c.ReadOnlyPort > 0 ? c.ReadOnlyPort : null,
            IPAddress.Parse(c.HealthzBindAddress!), c.HealthzPort > 0 ? c.HealthzPort : null);
    }

    private static List<IPAddress> Dns(KubeletConfiguration c, List<string> warnings)
    {
        List<IPAddress> servers = [];
        foreach (string text in c.ClusterDNS ?? [])
            if (IPAddress.TryParse(text, out IPAddress? ip)) servers.Add(ip);
            else warnings.Add($"clusterDNS: {text} is no IP address and is left out");
        return servers;
    }

    private static List<string> Words(ParsedFlags flags, string name) => flags.Own.TryGetValue(name, out JsonNode? list)
        ? [.. list.AsArray().Select(i => i!.GetValue<string>())]
        : [KubeletFlags.Find(name)!.Default];

    private static Dictionary<string, string> Pairs(ParsedFlags flags, string name) => flags.Own.TryGetValue(name, out JsonNode? map)
        ? map.AsObject().ToDictionary(p => p.Key, p => p.Value!.GetValue<string>()) : [];

    private static TimeSpan Period(ParsedFlags flags, string name) => GoDurationText.TryParse(flags.Text(name), out TimeSpan period) ? period : TimeSpan.Zero;

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
