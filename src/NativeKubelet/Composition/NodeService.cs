using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NativeKubelet.Config;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime.Machines;
using NativeKubelet.Server;
using NativeKubelet.Sources;

namespace NativeKubelet.Composition;

/// <summary>The daemon's life between start and stop: the node agent with the sources and ports that the options name.</summary>
internal sealed partial class NodeService(KubeletOptions options, TimeProvider time, ILoggerFactory logs, IHostApplicationLifetime host) : BackgroundService
{
    private readonly ILogger _log = logs.CreateLogger<NodeService>();

    /// <summary>Why the process ends by itself; null when it was told to.</summary>
    public Exception? Fault { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stopping)
    {
        try
        {
            NodePlan plan = Plan();
            await using NodeAgent agent = await NodeAgent.OpenAsync(plan, SourcesOf(plan), time, logs, stopping);
            await using HealthzServer? healthz = options.Server.HealthzPort is { } port
                ? new HealthzServer(new IPEndPoint(options.Server.HealthzAddress, port), static () => true, time, logs) : null;
            Started(KubeletVersion.Text, plan.Identity.Name);
            await agent.RunAsync(stopping);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            Fault = e;
            host.StopApplication();
        }
        catch (OperationCanceledException)
        {
            // Told to stop; the pods run on.
        }
    }

    private NodePlan Plan()
    {
        // Ephemeral storage is counted where pods' volumes will be.
        Directory.CreateDirectory(options.Paths.Root);
        MachineFacts machine = MachineReader.Read();
        foreach (string fact in machine.Doubts) MachineInDoubt(fact);
        NodeIdentity identity = NodeIdentity.Read(options.Node);
        if (identity.Problem is { } doubt) AddressInDoubt(doubt);
        CgroupOptions groups = options.Cgroups;
        NodeResources resources = NodeResources.Compute(
            machine.Capacity(options.Pods.MaxPods, FileSystemSpace.Of(options.Paths.Root).TotalBytes), groups.KubeReserved, groups.SystemReserved,
            options.Configuration.EvictionHard ?? [], groups.Enforce);
        return new(options, machine, identity, resources, OwnTree: false);
    }

    private ImmutableArray<IPodSource> SourcesOf(NodePlan plan)
    {
        (SourceOptions from, string node) = (options.Sources, plan.Identity.Name);
        LastValidManifests kept = new(Path.Combine(options.Paths.Data, "manifests"), logs.CreateLogger<LastValidManifests>());
        List<IPodSource> sources = [];
        if (from.ManifestPath is { } path) sources.Add(new FileSource(path, node, from.FileCheck, kept, time, logs.CreateLogger<FileSource>()));
        if (from.ManifestUrl is { } url) sources.Add(new UrlSource(url, from.ManifestHeaders, node, from.HttpCheck, kept, time, logs.CreateLogger<UrlSource>()));
        if (sources.Count == 0) NoSource();
        return [.. sources];
    }

    [LoggerMessage(LogLevel.Information, "NodeStarted version={Version} node={Node}")]
    private partial void Started(string version, string node);

    [LoggerMessage(LogLevel.Warning, "MachineInDoubt: {Doubt}")]
    private partial void MachineInDoubt(string doubt);

    [LoggerMessage(LogLevel.Warning, "NodeAddressInDoubt: {Doubt}")]
    private partial void AddressInDoubt(string doubt);

    [LoggerMessage(LogLevel.Warning, "NoPodSource: neither staticPodPath nor staticPodURL is set, so this node runs no pods")]
    private partial void NoSource();
}
