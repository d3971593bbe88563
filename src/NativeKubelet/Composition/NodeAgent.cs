using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Local;
using NativeKubelet.Cluster;
using NativeKubelet.Config;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Stats;
using NativeKubelet.Events;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Systemd;
using NativeKubelet.Node;
using NativeKubelet.Pods;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Import;
using NativeKubelet.Runtime.Images.Layers;
using NativeKubelet.Runtime.Images.Registry;
using NativeKubelet.Runtime.Network;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Runtime.Volumes;
using NativeKubelet.Server.Local;
using NativeKubelet.Sources;
using NativeKubelet.Status;
using CgroupDriver = NativeKubelet.Core.Resources.CgroupDriver;

namespace NativeKubelet.Composition;

/// <summary>
/// A node's parts, made in the order in which they need each other. The daemon and the <c>run</c> verb are both this; what
/// only one of them does (ports, locks, kernel tunables; a tree of its own) is theirs. Disposing lets go of pods and stops none.
/// </summary>
internal sealed partial class NodeAgent : IAsyncDisposable
{
    private readonly NodePlan _plan;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly DateTimeOffset _started;
    private readonly DesiredPods _desired;
    private readonly LocalStorageEviction? _eviction;
    private readonly PreloadDirectory _preload;
    private readonly ImagePulls _pulls;
    private readonly LocalApi _api;
    private readonly NodeRuntime _runtime;
    private readonly RegistryClient _registry;
    private readonly ImmutableArray<IPodSource> _sources;
    private readonly TaskCompletionSource _preloaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private NodeAgent(
        NodePlan plan, Foundation parts, ImmutableArray<IPodSource> sources, ClusterNode? cluster, TimeProvider time, ILoggerFactory logs)
    {
        (_plan, _time, _log, _sources, _started) = (plan, time, logs.CreateLogger<NodeAgent>(), sources, time.GetUtcNow());
        (Cgroups, Network, _registry, Images, _runtime, MeasuredDriver driver) = parts;
        MeasuredRuntime runtime = new(_runtime, _runtime.Operations);
        PodMeasures measures = new();
        Startups = measures.Startups;
        Runtime = runtime;
        KubeletOptions options = plan.Options;
        NodeProfile node = ProfileOf(plan);
        Events = new EventLog(time);
        Turns = new LoopTurns(time);
        PodEvents events = new(Events, logs.CreateLogger<PodEvents>());
        StandaloneObjects beside = new();
        IObjects objects = cluster?.ObjectsOf(() => Workers!.Active) ?? (IObjects)beside;
        ITokens tokens = cluster?.Tokens ?? (ITokens)new NoTokens();
        Volumes volumes = new(options.Paths, objects, tokens, Images, plan.Resources.Node.Allocatable, node.Facts, time, logs.CreateLogger<Volumes>());
        IClusterFacts facts = cluster?.Facts ?? (IClusterFacts)new NoCluster();
        _pulls = new ImagePulls(Images, new PullSecrets(objects, events), events, options.Images.MaxParallelPulls, options.Images.PullRate, _runtime.Operations, measures.Startups, time);
        PodExecutor executor = new(Runtime, _pulls, volumes, objects, facts, Cgroups, options.Paths, node, events, measures, time, logs.CreateLogger<PodExecutor>());
        Workers = new PodWorkers(Runtime, executor, Board, events, options.Paths, CrashBackoff.Of(options.Pods.MaxRestartBackOff), node, measures, Turns, time, logs);
        objects.Changed += Workers.ObjectsChanged;
        tokens.Due += Workers.FilesDue;
        PodCleanup cleanup = new(Runtime, Workers, volumes, Cgroups, options.Paths, time, logs.CreateLogger<PodCleanup>());
        _desired = new DesiredPods(
            sources, Runtime, Workers, cleanup, beside, Board, events, node, LimitsOf(plan), () => facts.Node(node.Facts), plan.Resources.Node.Fit, Turns, options.Paths, time, logs);
        Measures = [measures.Write, Workers.Relists.Write, runtime.Write, driver.Write, volumes.Operations.Write, _pulls.Write];
        if (options.Configuration.LocalStorageCapacityIsolation != false)
            _eviction = new LocalStorageEviction(Workers, Runtime, Board, new LocalStorageMeter(options.Paths), time, logs.CreateLogger<LocalStorageEviction>());
        Usage = new UsageSampler(Runtime, Cgroups, time, logs.CreateLogger<UsageSampler>());
        _preload = new PreloadDirectory(options.Images.PreloadDirectory, plan.Images, Images, logs.CreateLogger<PreloadDirectory>());
        LocalSources told = new(
            Board, Events, Runtime, Images, PodStatusWire.ToPod, Usage.SampleNow, () => _desired.ManifestProblems,
            () => JsonSerializer.Serialize(ConfigReport.Of(options), LocalJson.Default.ConfigDocument), Describe);
        _api = new LocalApi(told, options.Paths.Run, time, logs);
    }

    public StatusBoard Board { get; } = new();

    public EventLog Events { get; }

    /// <summary>Whether the loops that own the pods still come round.</summary>
    public LoopTurns Turns { get; }

    public PodWorkers Workers { get; }

    public IContainerRuntime Runtime { get; }

    public PodStartups Startups { get; }

    /// <summary>What the agent counts and times, as metrics.</summary>
    public ImmutableArray<Action<MetricText>> Measures { get; }

    public ImageStore Images { get; }

    public PodCgroups Cgroups { get; }

    public UsageSampler Usage { get; }

    public SandboxNetwork Network { get; }

    public ImmutableArray<ManifestProblem> ManifestProblems => _desired.ManifestProblems;

    /// <summary>Completes when every source has named its pods and what they lack was begun.</summary>
    public Task Complete => _desired.Complete;

    /// <summary>Takes over what an earlier agent left; new pods begin with <see cref="RunAsync"/>.</summary>
    /// <param name="cluster">Null: the node is alone.</param>
    /// <exception cref="ConfigException">The configuration cannot be on this machine.</exception>
    /// <exception cref="IOException">A directory, group or store cannot be had.</exception>
    public static async Task<NodeAgent> OpenAsync(
        NodePlan plan, ImmutableArray<IPodSource> sources, ClusterNode? cluster, TimeProvider time, ILoggerFactory logs, CancellationToken cancel)
    {
        KubeletOptions options = plan.Options;
        CgroupFs groups = new(plan.Machine.Cgroups, time);
        LimitSettings limits = LimitsOf(plan);
        CgroupTree tree = TreeOf(options.Cgroups);
        MeasuredDriver driver = new(tree.Driver == CgroupDriver.Systemd
            ? await SystemdDriver.OpenAsync(groups, new SystemdManager(time), logs.CreateLogger<SystemdDriver>(), cancel) : new CgroupfsDriver(groups));
        PodCgroups cgroups = new(tree, groups, driver, limits, logs.CreateLogger<PodCgroups>());
        SandboxNetwork network = new(NetworkOf(options), time, logs.CreateLogger<SandboxNetwork>());
        RegistryClient? registry = null;
        ImageStore? images = null;
        NodeRuntime? runtime = null;
        try
        {
            try
            {
                SharedRoot.Ensure(options.Paths);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                RootNotShared(logs.CreateLogger<NodeAgent>(), options.Paths.Root, e.Message);
            }
            if (plan.OwnTree) await cgroups.CreateRootAsync(cancel);
            try
            {
                await cgroups.EnsureNodeAsync(plan.Resources.PodsGroup, cancel);
            }
            catch (ErrnoException e)
            {
                // The pods that run use more than is granted them now: they run on, new ones are judged by the new figures.
                PodsGroupLimitRefused(logs.CreateLogger<NodeAgent>(), e.Message);
            }
            registry = new RegistryClient(RegistryOf(options), time, logs.CreateLogger<RegistryClient>());
            images = ImageStore.Open(plan.Images, registry, LayerLimits.Default, time, logs.CreateLogger<ImageStore>());
            runtime = await NodeRuntime.OpenAsync(await RuntimeOfAsync(plan, limits, cancel), cgroups, groups, images, network, time, logs.CreateLogger<NodeRuntime>(), cancel);
            return new NodeAgent(plan, new(cgroups, network, registry, images, runtime, driver), sources, cluster, time, logs);
        }
        catch
        {
            if (runtime is not null) await runtime.DisposeAsync();
            images?.Dispose();
            registry?.Dispose();
            network.Dispose();
            throw;
        }
    }

    /// <summary>Runs pods until cancelled; they run on then.</summary>
    /// <exception cref="Exception">A loop of the agent ended by a fault: whoever started it starts it anew.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            // Usage on a thread of its own: its first round measures all pods, and no source waits for that.
            await Loops.TogetherAsync(
                cancel, Workers.RunAsync, ending => Task.Run(() => Usage.RunAsync(ending), ending), ending => _eviction?.RunAsync(ending) ?? Task.CompletedTask, PreloadAsync, SourcesAsync);
        }
        catch (Exception) when (cancel.IsCancellationRequested)
        {
            // Told to stop; what a loop says of that is nobody's question any more.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        await Workers.DisposeAsync();
        Usage.Dispose();
        _pulls.Dispose();
        await _runtime.DisposeAsync();
        Images.Dispose();
        _registry.Dispose();
        Network.Dispose();
        foreach (IDisposable source in _sources.OfType<IDisposable>()) source.Dispose();
    }

    private async Task PreloadAsync(CancellationToken cancel)
    {
        try
        {
            await _preload.RunAsync(_ =>
            {
                _preloaded.TrySetResult();
                Workers.ImagesCame();
            }, cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            // Pods whose images are here need no archives.
            PreloadEnded(e);
            _preloaded.TrySetResult();
        }
        await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
    }

    private async Task SourcesAsync(CancellationToken cancel)
    {
        // A pod must not ask a registry for what lies on this machine.
        await _preloaded.Task.WaitAsync(cancel);
        await _desired.RunAsync(cancel);
        await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
    }

    private NodeDocument Describe()
    {
        KubeletOptions options = _plan.Options;
        string notReady = !_desired.Complete.IsCompleted ? "not every pod source was read yet" : Network.NotReady ?? "";
        return new(
            _plan.Identity.Name, KubeletVersion.Text, Environment.ProcessId, _started, ModeOf(_plan.Machine.Cgroups.Mode),
            options.Cgroups.Driver.ToString().ToLowerInvariant(), options.Pods.Runtime, notReady.Length == 0, notReady,
            new(options.Paths.Root, options.Paths.Data, options.Paths.Run, options.Paths.PodLogs, options.Sources.ManifestPath ?? ""));
    }

    private static string ModeOf(CgroupMode mode) => mode switch { CgroupMode.Unified => "v2", CgroupMode.Hybrid => "hybrid", _ => "v1" };

    /// <summary>systemd removes groups that it does not know below its own, so where it runs it is asked, unless the configuration says otherwise.</summary>
    public static string UsualDriver => SystemdManager.Runs ? "systemd" : "cgroupfs";

    internal static CgroupTree TreeOf(CgroupOptions options)
    {
        CgroupDriver driver = options.Driver == Config.CgroupDriver.Systemd ? CgroupDriver.Systemd : CgroupDriver.Cgroupfs;
        return new(driver, CgroupName.FromCgroupfs(options.Root), options.PerQos);
    }

    private static LimitSettings LimitsOf(NodePlan plan)
    {
        CgroupOptions options = plan.Options.Cgroups;
        bool limitedSwap = plan.Options.Configuration.MemorySwap?.SwapBehavior == "LimitedSwap";
        return plan.Machine.Limits(options.CpuQuota, options.CpuQuotaPeriod, options.SingleProcessOomKill, options.PodPidsLimit, limitedSwap);
    }

    public static NetworkSettings NetworkOf(KubeletOptions options) => new(
        options.Network.BridgeName, options.Network.PodSubnet, options.Network.CniConfDirectory, [.. options.Network.CniBinDirectories],
        options.Network.CniCacheDirectory, options.Paths.Data);

    /// <summary>Credentials where the kubelet looks for them.</summary>
    private static RegistrySettings RegistryOf(KubeletOptions options) => new()
    {
        CredentialFiles =
        [
            Path.Combine(options.Paths.Root, "config.json"),
            Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/root", ".docker/config.json"),
            "/.docker/config.json",
        ],
    };

    private static async Task<RuntimeSettings> RuntimeOfAsync(NodePlan plan, LimitSettings limits, CancellationToken cancel)
    {
        KubeletOptions options = plan.Options;
        RuntimeSettings settings = plan.Machine.Settings(
            options.Paths,
            new RuncCommand(OciRuntime.Find(options.Pods.Runtime), options.Paths.RuncState, options.Cgroups.Driver == Config.CgroupDriver.Systemd),
            new LogCeiling(options.ContainerLogs.MaxBytes ?? 0, options.ContainerLogs.MaxFiles),
            limits, plan.Identity.Hostname, options.Network.ClusterDomain);
        return settings with
        {
            Security = settings.Security with
            {
                SeccompDefault = options.Pods.SeccompDefault,
                Users = settings.Security.Users is null ? null : await UserIds.ReadAsync(options.Configuration.UserNamespaces!.IdsPerPod!.Value, options.Pods.MaxPods, cancel),
            },
            Handlers = OciRuntime.Handlers(options, settings.Runc.SystemdCgroup),
        };
    }

    private static NodeProfile ProfileOf(NodePlan plan)
    {
        // As on its Node object: a node alone has what pods commonly select by.
        string name = plan.Identity.Name;
        Dictionary<string, string> labels = new NodeIdentityCard(name, name, ApiTransport.Architecture, plan.Options.Node.Labels, [], "", Register: false, AttachDetach: false).AllLabels();
        return new(
            new NodeFacts(name, labels)
            {
                Sysctls = SysctlsOf(plan),
                AppArmor = plan.Machine.Features.AppArmor,
                SELinux = plan.Machine.Features.SELinux,
                Features = plan.Options.Gates.Declared,
            },
            plan.Identity.Hostname, plan.Identity.Addresses.Select(a => a.ToString()).ToValueList(),
            plan.Machine.MemoryBytes, plan.Options.Network.ClusterDomain, [.. plan.Options.Network.ClusterDns], plan.Options.Network.ResolvConf)
        { Allocatable = plan.Resources.Node.Allocatable };
    }

    private static SysctlAllowlist SysctlsOf(NodePlan plan)
    {
        try
        {
            return SysctlAllowlist.Create(plan.Options.Pods.AllowedUnsafeSysctls, plan.Machine.Seccomp);
        }
        catch (FormatException e)
        {
            throw new ConfigException($"allowedUnsafeSysctls: {e.Message}");
        }
    }

    private sealed record Foundation(PodCgroups Cgroups, SandboxNetwork Network, RegistryClient Registry, ImageStore Images, NodeRuntime Runtime, MeasuredDriver Driver);

    [LoggerMessage(LogLevel.Warning, "PodsGroupLimitRefused: {Cause}; what runs there uses more than the configuration leaves it")]
    private static partial void PodsGroupLimitRefused(ILogger log, string cause);

    [LoggerMessage(LogLevel.Warning, "RootNotShared path={Path}: {Cause}; mounts do not propagate between the machine and its pods")]
    private static partial void RootNotShared(ILogger log, string path, string cause);

    [LoggerMessage(LogLevel.Error, "PreloadDirectoryEnded: archives that are put there from now on are not seen")]
    private partial void PreloadEnded(Exception fault);
}
