using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Config;

namespace NativeKubelet.Composition;

/// <summary>What people look for in a kubelet's log when a node starts, in the words that they grep for.</summary>
internal sealed partial class NodeBanner(ILogger log)
{
    public void Begin(KubeletOptions options)
    {
        Version(KubeletVersion.Text);
        if (options.Node.Standalone) Standalone();
        // The default of cgroupRoot is told as the original tells it, two blanks included.
        if (options.Cgroups.PerQos && string.IsNullOrEmpty(options.Configuration.CgroupRoot)) RootDefaulted();
        NodeConfig(Effective(options));
    }

    /// <param name="joined">A cluster is another source.</param>
    public void Sources(SourceOptions sources, bool joined)
    {
        if (sources.ManifestPath is { } path) ManifestPath(path);
        if (sources.ManifestUrl is { } url) ManifestUrl(url, [.. sources.ManifestHeaders.Keys]);
        if (!joined && sources is { ManifestPath: null, ManifestUrl: null }) NoSource();
    }

    public void Started(string node) => StartedKubelet(node);

    /// <summary>The container manager's view of the configuration, defaults included, on one line.</summary>
    internal static string Effective(KubeletOptions options)
    {
        KubeletConfiguration c = options.Configuration;
        return "{" + string.Join(' ',
        [
            $"CgroupsPerQOS:{Word(options.Cgroups.PerQos)}", $"CgroupRoot:{options.Cgroups.Root}", $"CgroupDriver:{options.Cgroups.Driver.ToString().ToLowerInvariant()}",
            $"KubeletRootDir:{options.Paths.Root}", $"ProtectKernelDefaults:{Word(c.ProtectKernelDefaults == true)}",
            $"KubeReserved:{Pairs(c.KubeReserved, '=')}", $"SystemReserved:{Pairs(c.SystemReserved, '=')}", $"ReservedSystemCPUs:{c.ReservedSystemCPUs}",
            $"EnforceNodeAllocatable:[{string.Join(' ', options.Cgroups.Enforce)}]", $"HardEvictionThresholds:{Pairs(c.EvictionHard, '<')}",
            $"CPUManagerPolicy:{c.CpuManagerPolicy}", $"MemoryManagerPolicy:{c.MemoryManagerPolicy}", $"TopologyManagerPolicy:{c.TopologyManagerPolicy}",
            $"PodPidsLimit:{c.PodPidsLimit}", $"CPUCFSQuota:{Word(options.Cgroups.CpuQuota)}", $"CPUCFSQuotaPeriod:{GoDurationText.Format(options.Cgroups.CpuQuotaPeriod)}",
        ]) + "}";
    }

    private static string Word(bool value) => value ? "true" : "false";

    private static string Pairs(IEnumerable<KeyValuePair<string, string>>? map, char between) =>
        $"[{string.Join(' ', (map ?? []).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Key + between + p.Value))}]";

    [LoggerMessage(LogLevel.Information, "Kubelet version kubeletVersion={Version}")]
    private partial void Version(string version);

    [LoggerMessage(LogLevel.Information, "Standalone mode, no API client")]
    private partial void Standalone();

    [LoggerMessage(LogLevel.Information, "--cgroups-per-qos enabled, but --cgroup-root was not specified.  Defaulting to /")]
    private partial void RootDefaulted();

    [LoggerMessage(LogLevel.Information, "Creating Container Manager object based on Node Config nodeConfig={NodeConfig}")]
    private partial void NodeConfig(string nodeConfig);

    [LoggerMessage(LogLevel.Information, "Adding static pod path path={Path}")]
    private partial void ManifestPath(string path);

    [LoggerMessage(LogLevel.Information, "Adding pod URL with HTTP header URL={Url} header={Names}: values are not shown")]
    private partial void ManifestUrl(string url, string[] names);

    [LoggerMessage(LogLevel.Warning, "NoPodSource: neither staticPodPath nor staticPodURL is set, and no cluster is joined, so this node runs no pods")]
    private partial void NoSource();

    [LoggerMessage(LogLevel.Information, "Started kubelet node={Node}")]
    private partial void StartedKubelet(string node);
}
