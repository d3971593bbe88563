using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Cluster;
using NativeKubelet.Config;
using NativeKubelet.Node;
using NativeKubelet.Status;

namespace NativeKubelet.Composition;

/// <summary>What makes a node one of a cluster: the pods that it is given, and what it tells of itself, its pods and their events.</summary>
internal sealed class ClusterNode : IDisposable
{
    private readonly NodePlan _plan;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly ClusterAccess _access;
    private readonly CancellationTokenSource _life = new();
    private readonly TaskCompletionSource<V1Node> _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <exception cref="ConfigException">The kubeconfig is no use.</exception>
    public ClusterNode(NodePlan plan, string kubeconfig, TimeProvider time, ILoggerFactory logs)
    {
        (_plan, _time, _logs, _access) = (plan, time, logs, ClusterAccess.Open(kubeconfig, time));
        Tokens = new ServiceAccountTokens(_access.Client, time, logs.CreateLogger<ServiceAccountTokens>());
        Pods = new ApiPodSource(_access.Client, plan.Identity.Name, _registered.Task, time, logs.CreateLogger<ApiPodSource>());
    }

    public ApiPodSource Pods { get; }

    public ServiceAccountTokens Tokens { get; }

    public ApiClient Api => _access.Client;

    /// <param name="pods">Those that run here now: only what they refer to is watched.</param>
    public ApiObjects ObjectsOf(Func<IEnumerable<V1Pod>> pods) => new(_access.Client, pods, _time, _logs.CreateLogger<ApiObjects>(), _life.Token);

    /// <summary>Runs beside the agent until cancelled. The API server may be away for as long as it likes: pods run on.</summary>
    public async Task RunAsync(NodeAgent agent, CancellationToken cancel)
    {
        KubeletConfiguration options = _plan.Options.Configuration;
        string name = _plan.Identity.Name;
        NodeObserver observer = new(_plan, agent.Images, () => agent.Network.NotReady, () => _plan.Options.Server.Port ?? 0);
        NodeRegistration registration = new(_access.Client, Card(), _time, _logs.CreateLogger<NodeRegistration>());
        NodeStatusLoop status = new(
            _access.Client, name, observer.Observe, static () => Task.Delay(Timeout.Infinite), options.NodeStatusUpdateFrequency!.Value, options.NodeStatusReportFrequency!.Value,
            _time, _logs.CreateLogger<NodeStatusLoop>());
        LeaseLoop lease = new(_access.Client, name, options.NodeLeaseDurationSeconds!.Value, _time, _logs.CreateLogger<LeaseLoop>());
        using PodStatusPublisher statuses = new(_access.Client, Pods, agent.Board, _time, _logs.CreateLogger<PodStatusPublisher>());
        MirrorPods mirrors = new(_access.Client, Pods, agent.Board, _registered.Task, () => agent.Complete.IsCompletedSuccessfully, _time, _logs.CreateLogger<MirrorPods>());
        ApiEvents events = new(_access.Client, agent.Events, name, options.EventRecordQPS ?? 50, options.EventBurst ?? 100, _time, _logs.CreateLogger<ApiEvents>());
        await Task.WhenAll(
            RegisterAsync(registration, status, observer, cancel), lease.RunAsync(cancel), statuses.RunAsync(cancel), mirrors.RunAsync(cancel), events.RunAsync(cancel));
    }

    public void Dispose()
    {
        Tokens.Dispose();
        _life.Cancel();
        _life.Dispose();
        _access.Dispose();
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
}
