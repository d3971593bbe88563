using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Cluster;
using NativeKubelet.Cluster.Certificates;
using NativeKubelet.Config;
using NativeKubelet.Core.Certificates;
using NativeKubelet.Core.Stats;
using NativeKubelet.Node;
using NativeKubelet.Pods;
using NativeKubelet.Status;

namespace NativeKubelet.Composition;

/// <summary>What makes a node one of a cluster: the pods that it is given, and what it tells of itself, its pods and their events.</summary>
internal sealed partial class ClusterNode : IDisposable
{
    private readonly NodePlan _plan;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly ClusterCredentials _credentials;
    private readonly ApiClient _api;
    private readonly CertificateMeasures _certificates;
    private ApiObjects? _objects;
    private readonly CancellationTokenSource _life = new();
    private readonly TaskCompletionSource<V1Node> _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <exception cref="ConfigException">The kubeconfig is no use, and neither is the bootstrap kubeconfig.</exception>
    public ClusterNode(NodePlan plan, TimeProvider time, ILoggerFactory logs)
    {
        (_plan, _time, _logs) = (plan, time, logs);
        CertificateFiles serving = CertificateFiles.Serving(plan.Options.Node.CertDirectory);
        _certificates = new CertificateMeasures(() => _credentials!.Access.OwnCertificate(), plan.Options.Configuration.ServerTLSBootstrap == true ? serving.Load : null, time);
        _credentials = new ClusterCredentials(plan.Options.Node, plan.Identity.Name, plan.Options.Configuration.RotateCertificates == true,
            RequestRate.Of(plan.Options.Configuration.KubeAPIQPS ?? 50, plan.Options.Configuration.KubeAPIBurst ?? 100), _certificates.ClientFailures, time, logs.CreateLogger<ClusterCredentials>());
        _api = _credentials.Access.Client;
        Tokens = new ServiceAccountTokens(_api, time, logs.CreateLogger<ServiceAccountTokens>());
        Facts = new ClusterFacts(_api, plan.Identity.Name, _registered.Task, time, logs.CreateLogger<ClusterFacts>());
        Pods = new ApiPodSource(_api, plan.Identity.Name, _registered.Task, time, logs.CreateLogger<ApiPodSource>());
    }

    public ApiPodSource Pods { get; }

    public ServiceAccountTokens Tokens { get; }

    public ApiClient Api => _api;

    public ClusterFacts Facts { get; }

    /// <param name="pods">Those that run here now: only what they refer to is watched.</param>
    public ApiObjects ObjectsOf(Func<IEnumerable<V1Pod>> pods) => _objects = new(_api, pods, _time, _logs.CreateLogger<ApiObjects>(), _life.Token);

    /// <summary>Runs beside the agent until cancelled. The API server may be away for as long as it likes: pods run on.</summary>
    public Task RunAsync(NodeAgent agent, CancellationToken cancel) => Loops.TogetherAsync(cancel, _credentials.RunAsync, ServeAsync, BootAsync, ending => JoinAsync(agent, ending));

    /// <summary>Starts what ran here last, if the API server does not say what should; from its first answer on, what it says is kept.</summary>
    private async Task BootAsync(CancellationToken cancel)
    {
        if (!_plan.Options.Node.BootFromCache)
        {
            new BootCache(CacheDirectory, null, _logs.CreateLogger<BootCache>()).Clear();
            return;
        }
        if (OpenCache() is not { } cache) return;
        CachedCluster cached = cache.Load(ClusterOrigin.Of(_credentials.Access.File));
        bool booted = !cached.Pods.IsEmpty && await Pods.BootAsync(cached.Pods, () =>
        {
            _objects!.StandIn(cached.Objects);
            Facts.StandIn(cached);
            Tokens.ShowEmptyWhile(() => !Pods.Synced.IsCompleted);
        }, cancel);
        if (booted) BootedFromCache(_logs.CreateLogger<BootCache>(), cached.Pods.Length);
        await new BootCacheKeeper(cache, Pods, _objects!, Facts, _time).RunAsync(cancel);
    }

    private string CacheDirectory => Path.Combine(_plan.Options.Paths.Data, "cluster");

    /// <returns>Null where its key is no use: nothing is kept then, as it would be kept in the clear.</returns>
    private BootCache? OpenCache()
    {
        ILogger log = _logs.CreateLogger<BootCache>();
        try
        {
            CacheSeal? seal = _plan.Options.Node.BootCacheKey is { } key ? CacheSeal.Read(key) : null;
            return new BootCache(CacheDirectory, seal, log);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            BootCacheOff(log, e.Message);
            return null;
        }
    }

    private async Task JoinAsync(NodeAgent agent, CancellationToken cancel)
    {
        await _credentials.Ready.WaitAsync(cancel);
        KubeletConfiguration options = _plan.Options.Configuration;
        string name = _plan.Identity.Name;
        NodeObserver observer = new(_plan, agent.Images, () => agent.Network.NotReady, () => _plan.Options.Server.Port ?? 0);
        NodeRegistration registration = new(_api, Card(), _time, _logs.CreateLogger<NodeRegistration>());
        NodeStatusLoop status = new(
            _api.Unlimited, name, observer.Observe, options.NodeStatusUpdateFrequency!.Value, options.NodeStatusReportFrequency!.Value,
            _time, _logs.CreateLogger<NodeStatusLoop>());
        LeaseLoop lease = new(_api.Unlimited, name, options.NodeLeaseDurationSeconds!.Value, _time, _logs.CreateLogger<LeaseLoop>());
        using PodStatusPublisher statuses = new(_api, Pods, agent.Board, _time, _logs.CreateLogger<PodStatusPublisher>());
        MirrorPods mirrors = new(_api, Pods, agent.Board, _registered.Task, () => agent.Complete.IsCompletedSuccessfully, _time, _logs.CreateLogger<MirrorPods>());
        ApiEvents events = new(_api.Unlimited, agent.Events, name, new RequestRate(new(options.EventRecordQPS ?? 50, options.EventBurst ?? 100), _time), _time, _logs.CreateLogger<ApiEvents>());
        await Loops.TogetherAsync(
            cancel, ending => RegisterAsync(registration, status, observer, ending), lease.RunAsync, statuses.RunAsync, mirrors.RunAsync, events.RunAsync, Facts.RunAsync,
            ending => FollowStartsAsync(agent.Startups, ending));
    }

    private async Task FollowStartsAsync(PodStartups startups, CancellationToken cancel)
    {
        while (true)
        {
            Task changed = Pods.Changed;
            startups.Observe(Pods.Known, _time.GetUtcNow());
            await changed.WaitAsync(cancel);
        }
    }

    public void Write(MetricText to)
    {
        _api.Measures.Write(to);
        _certificates.Write(to);
    }

    public void Dispose()
    {
        Tokens.Dispose();
        _life.Cancel();
        _life.Dispose();
        _credentials.Dispose();
    }

    /// <summary>serverTLSBootstrap: after registration, as those who approve such requests look at the Node's addresses.</summary>
    private async Task ServeAsync(CancellationToken cancel)
    {
        if (_plan.Options.Configuration.ServerTLSBootstrap != true) return;
        V1Node node = await _registered.Task.WaitAsync(cancel);
        CertificateWish? wish = CertificateWish.Serving(_plan.Identity.Name, NodeObserver.AddressesOf(_plan.Identity));
        ILogger log = _logs.CreateLogger<CertificateRotation>();
        if (wish is null)
        {
            NoServingCertificate(log, node.Metadata.Name);
            return;
        }
        CertificateFiles files = CertificateFiles.Serving(_plan.Options.Node.CertDirectory);
        files.Recover();
        await new CertificateRotation(files, wish, files.Load, new(() => _api, _time, log), static () => { }, _certificates.ServingFailures, _time, log).RunAsync(atOnce: false, cancel);
    }

    private async Task RegisterAsync(NodeRegistration registration, NodeStatusLoop status, NodeObserver observer, CancellationToken cancel)
    {
        V1Node node = await registration.EnsureAsync(observer.Observe, cancel);
        _registered.SetResult(node);
        await status.RunAsync(node, cancel);
    }

    private NodeIdentityCard Card()
    {
        KubeletConfiguration options = _plan.Options.Configuration;
        return new(
            _plan.Identity.Name, _plan.Identity.Name, ApiTransport.Architecture, _plan.Options.Node.Labels,
            [.. (options.RegisterWithTaints ?? []).Select(t => new V1Taint { Key = t.Key, Value = t.Value, Effect = t.Effect })],
            options.ProviderID ?? "", options.RegisterNode!.Value, options.EnableControllerAttachDetach!.Value);
    }

    [LoggerMessage(LogLevel.Warning, "BootedFromCache pods={Pods}: the API server does not answer, so what it last wanted here is run until it does")]
    private static partial void BootedFromCache(ILogger log, int pods);

    [LoggerMessage(LogLevel.Error, "BootCacheOff: {Cause}; until the next start nothing is kept of the cluster, and without the API server its pods do not start")]
    private static partial void BootCacheOff(ILogger log, string cause);

    [LoggerMessage(LogLevel.Warning, "NoServingCertificate node={Node}: it has no address that a certificate could be good for; give it one with --node-ip and start the agent anew")]
    private static partial void NoServingCertificate(ILogger log, string node);
}
