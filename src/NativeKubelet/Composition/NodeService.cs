using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NativeKubelet.Composition.Start;
using NativeKubelet.Config;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Linux.Files;
using NativeKubelet.Logging;
using NativeKubelet.Runtime.Machines;
using NativeKubelet.Server;
using NativeKubelet.Sources;

namespace NativeKubelet.Composition;

/// <summary>The daemon's life between start and stop: what it asks of the machine, then the node agent with the sources and ports that the options name.</summary>
internal sealed partial class NodeService(KubeletOptions options, TimeProvider time, KubeletLogging logs, SystemdWatch systemd, IHostApplicationLifetime host) : BackgroundService
{
    private static readonly TimeSpan LeastLoopPatience = TimeSpan.FromMinutes(5), LogPatience = TimeSpan.FromMinutes(2);

    private readonly ILogger _log = logs.CreateLogger<NodeService>();

    /// <summary>Why the process ends by itself; null when it was told to.</summary>
    public Exception? Fault { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stopping)
    {
        try
        {
            await RunAsync(stopping);
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

    private async Task RunAsync(CancellationToken stopping)
    {
        host.ApplicationStopping.Register(systemd.Stopping);
        NodeBanner banner = new(logs.CreateLogger<NodeBanner>());
        banner.Begin(options);
        if (!Environment.IsPrivilegedProcess) NotRoot();
        await using LockFile? lockFile = await LockFile.TakeAsync(options.Start, host.StopApplication, _log, stopping);
        new ProcessSetup(options.Start, options.Configuration.ProtectKernelDefaults == true, logs.CreateLogger<ProcessSetup>()).Apply();
        using AgentLocks locks = await AgentLocks.TakeAsync(options.Paths, time, stopping);
        NodePlan plan = Plan();
        await new StartGate(plan, time, logs.CreateLogger<StartGate>()).PassAsync(stopping);
        using ClusterNode? cluster = ClusterOf(plan);
        banner.Sources(options.Sources, joined: cluster is not null);
        await using NodeAgent agent = await NodeAgent.OpenAsync(plan, SourcesOf(plan, cluster), cluster, time, logs, stopping);
        ImmutableArray<HealthCheck> checks = Checks(agent);
        await using HealthzServer? healthz = options.Server.HealthzPort is { } port
            ? new HealthzServer(new IPEndPoint(options.Server.HealthzAddress, port), checks, time, logs) : null;
        await using NodeServer? server = await NodePorts.OpenAsync(plan, agent, cluster, checks, time, logs, stopping);
        banner.Started(plan.Identity.Name);
        systemd.Ready();
        Task beside = Task.WhenAll(systemd.RunAsync(checks, stopping), new QuietMemory(agent.Board, time, logs.CreateLogger<QuietMemory>()).RunAsync(stopping));
        await RunAsync(agent, cluster, stopping);
        await beside;
    }

    /// <summary>A node that has not joined yet runs its static pods all the same; it joins when it is started with the file in place.</summary>
    private ClusterNode? ClusterOf(NodePlan plan)
    {
        if (options.Node.Kubeconfig is not { } kubeconfig) return null;
        if (File.Exists(kubeconfig) || File.Exists(options.Node.BootstrapKubeconfig)) return new ClusterNode(plan, time, logs);
        NotJoined(kubeconfig);
        return null;
    }

    /// <summary>Either may fault; then the process ends, as half a node would look whole from outside.</summary>
    private static async Task RunAsync(NodeAgent agent, ClusterNode? cluster, CancellationToken stopping)
    {
        try
        {
            await Loops.TogetherAsync(stopping, agent.RunAsync, ending => cluster?.RunAsync(agent, ending) ?? Task.CompletedTask);
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            // Told to stop.
        }
    }

    private NodePlan Plan()
    {
        // Ephemeral storage is counted where pods' volumes will be.
        bool isolated = options.Configuration.LocalStorageCapacityIsolation != false;
        Directory.CreateDirectory(options.Paths.Root);
        MachineFacts machine = MachineReader.Read();
        foreach (string fact in machine.Doubts) MachineInDoubt(fact);
        NodeIdentity identity = NodeIdentity.Read(options.Node);
        if (identity.Problem is { } doubt) AddressInDoubt(doubt);
        CgroupOptions groups = options.Cgroups;
        NodeResources resources = NodeResources.Compute(
            machine.Capacity(options.Pods.MaxPods, isolated ? FileSystemSpace.Of(options.Paths.Root).TotalBytes : null), groups.KubeReserved, groups.SystemReserved,
            options.Configuration.EvictionHard ?? [], groups.Enforce);
        return new(options, machine, identity, resources, OwnTree: false);
    }

    private ImmutableArray<IPodSource> SourcesOf(NodePlan plan, ClusterNode? cluster)
    {
        (SourceOptions from, string node) = (options.Sources, plan.Identity.Name);
        LastValidManifests kept = new(Path.Combine(options.Paths.Data, "manifests"), logs.CreateLogger<LastValidManifests>());
        ManifestScope scope = cluster is null ? ManifestScope.Standalone : ManifestScope.Joined;
        List<IPodSource> sources = [];
        if (from.ManifestPath is { } path) sources.Add(new FileSource(path, node, from.FileCheck, kept, time, logs.CreateLogger<FileSource>(), scope));
        if (from.ManifestUrl is { } url) sources.Add(new UrlSource(url, from.ManifestHeaders, node, from.HttpCheck, kept, time, logs.CreateLogger<UrlSource>(), scope: scope));
        if (cluster is not null) sources.Add(cluster.Pods);
        return [.. sources];
    }

    private ImmutableArray<HealthCheck> Checks(NodeAgent agent)
    {
        TimeSpan twice = 2 * options.Configuration.SyncFrequency!.Value, patience = twice > LeastLoopPatience ? twice : LeastLoopPatience;
        return
        [
            HealthCheck.Ping,
            new("log", () => logs.BlockedFor is var blocked && blocked > LogPatience ? $"nobody has read the log for {blocked.TotalSeconds:0} s" : null),
            new("syncloop", () => agent.Turns.Stuck(patience) is { } loop ? $"sync Loop took longer than expected ({loop})" : null),
        ];
    }

    [LoggerMessage(LogLevel.Error, "Kubelet running with insufficient permissions: it must run as root, and what needs that will fail")]
    private partial void NotRoot();

    [LoggerMessage(LogLevel.Warning, "MachineInDoubt: {Doubt}")]
    private partial void MachineInDoubt(string doubt);

    [LoggerMessage(LogLevel.Warning, "NotJoined: {Kubeconfig} does not exist, so this node runs its own pods alone; write it and start the agent anew")]
    private partial void NotJoined(string kubeconfig);

    [LoggerMessage(LogLevel.Warning, "NodeAddressInDoubt: {Doubt}")]
    private partial void AddressInDoubt(string doubt);
}
