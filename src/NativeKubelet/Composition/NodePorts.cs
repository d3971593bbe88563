using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Cluster.Certificates;
using NativeKubelet.Config;
using NativeKubelet.Core.Stats;
using NativeKubelet.Logging;
using NativeKubelet.Node;
using NativeKubelet.Runtime.Machines;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Server;
using NativeKubelet.Server.Access;
using NativeKubelet.Server.Endpoints;
using NativeKubelet.Server.Stats;
using NativeKubelet.Server.Streaming;
using NativeKubelet.Server.Tls;

namespace NativeKubelet.Composition;

/// <summary>Opens the node's own ports as the options say; without any, nothing of a web server is touched.</summary>
internal static partial class NodePorts
{
    /// <summary>What a dashboard expects a sandbox to be made of.</summary>
    private const string UsualSandboxImage = "registry.k8s.io/pause:3.10.1";

    /// <param name="cluster">Null: a node alone.</param>
    /// <returns>Null: every port is to stay closed.</returns>
    /// <exception cref="ConfigException">A file that the options name is no use.</exception>
    /// <exception cref="IOException">A port cannot be had.</exception>
    public static async Task<NodeServer?> OpenAsync(
        NodePlan plan, NodeAgent agent, ClusterNode? cluster, ImmutableArray<HealthCheck> checks, TimeProvider time, KubeletLogging logs, CancellationToken cancel)
    {
        ServerOptions ports = plan.Options.Server;
        if (ports is { Port: null, ReadOnlyPort: null }) return null;
        ReviewClient? reviews = cluster is null ? null : new(cluster.Api, time);
        RequestCounts counts = new();
        StreamRoutes streams = new(
            agent.Runtime, agent.Board, plan.Options.Configuration.StreamingConnectionIdleTimeout!.Value, time, logs.CreateLogger<StreamRoutes>());
        NodeRoutes routes = new(SourcesOf(plan, agent, cluster, checks, counts, logs.Verbosity, time), streams.ServeAsync, time);
        Authentication authentication;
        try
        {
            authentication = AuthenticationOf(plan, reviews, time, logs);
        }
        catch (ConfigException e) when (cluster is null)
        {
            // A node that has not joined yet may name the authority that joining will bring; its own pods do not wait for it.
            Closed(logs.CreateLogger<NodeServer>(), e.Message);
            return null;
        }
        NodeApplication application = new(authentication, AuthorizationOf(plan, reviews, time, logs), routes, counts, logs.CreateLogger<NodeApplication>());
        IPEndPoint? secure = ports.Port is { } port ? new(ports.Address, port) : null, readOnly = ports.ReadOnlyPort is { } other ? new(ports.Address, other) : null;
        try
        {
            NodeServer server = await NodeServer.OpenAsync(secure, secure is null ? null : TlsOf(plan, cluster is not null, time, logs), readOnly, application, cancel);
            ILogger log = logs.CreateLogger<NodeServer>();
            foreach (IPEndPoint? endpoint in (IPEndPoint?[])[secure, readOnly])
                if (endpoint is not null) Listening(log, endpoint.Address.ToString(), endpoint.Port, endpoint == readOnly);
            return server;
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new IOException($"the node's ports cannot be opened: {e.Message}; free them, choose others (port, readOnlyPort, address), or set enableServer to false", e);
        }
    }

    private static NodeSources SourcesOf(NodePlan plan, NodeAgent agent, ClusterNode? cluster, ImmutableArray<HealthCheck> checks, RequestCounts counts, LogVerbosity verbosity, TimeProvider time)
    {
        MachineFacts machine = plan.Machine;
        MachineIdentity identity = MachineIdentity.Read();
        TimeSpan period = plan.Options.Configuration.VolumeStatsAggPeriod!.Value;
        ContainerMeter layers = new(agent.Runtime, plan.Options.Paths, period, time);
        NodeStatsReader stats = new(
            new(plan.Identity.Name, identity.Boot, machine.MemoryBytes, machine.SwapBytes, machine.PidMax, plan.Options.Paths), agent.Usage,
            new(plan.Options.Paths, period, time), layers, agent.Board, agent.Runtime, agent.Cgroups);
        GroupMetrics groups = new(
            agent.Runtime, agent.Cgroups, layers, plan.Options.Paths,
            new(identity.MachineId, identity.SystemUuid, machine.BootId, machine.KernelRelease, identity.OsImage, machine.Cpus, machine.MemoryBytes, machine.SwapBytes, KubeletVersion.Text),
            plan.Options.Images.SandboxImage ?? UsualSandboxImage);
        KubeletMetrics kubelet = new(plan.Identity.Name, machine.Cgroups.Unified, agent.Board, agent.Runtime, stats, [counts.Write, .. agent.Measures, .. cluster is null ? [] : (Action<MetricText>[])[cluster.Write]], time.GetUtcNow());
        return new(
            plan.Options, agent.Board, agent.Runtime, checks, new(stats), new(agent.Usage, stats, groups, kubelet, agent.Workers.ProbeCounts, checks),
            new(plan.Options, verbosity, time.GetUtcNow(), time));
    }

    private static TlsListener TlsOf(NodePlan plan, bool joined, TimeProvider time, ILoggerFactory logs)
    {
        ServingCertificate serving = ServingOf(plan, joined, time, logs);
        return new(serving.Current, TlsRules.Of(plan.Options.Configuration.TlsMinVersion, plan.Options.Configuration.TlsCipherSuites), time, logs.CreateLogger<TlsListener>());
    }

    private static ServingCertificate ServingOf(NodePlan plan, bool joined, TimeProvider time, ILoggerFactory logs)
    {
        KubeletConfiguration c = plan.Options.Configuration;
        ILogger<ServingCertificate> log = logs.CreateLogger<ServingCertificate>();
        // The cluster gives it, when somebody has approved: until then no handshake succeeds.
        if (joined && c.ServerTLSBootstrap == true)
        {
            string current = CertificateFiles.Serving(plan.Options.Node.CertDirectory).CurrentPath;
            return new(current, current, log);
        }
        (string certificate, string key) = c is { TlsCertFile: { Length: > 0 } given, TlsPrivateKeyFile: { Length: > 0 } secret }
            ? (given, secret) : SelfSignedCertificate.Ensure(plan.Options.Node.CertDirectory, plan.Identity.Name, time.GetUtcNow());
        ServingCertificate serving = new(certificate, key, log);
        serving.Require();
        return serving;
    }

    private static Authentication AuthenticationOf(NodePlan plan, ReviewClient? reviews, TimeProvider time, ILoggerFactory logs)
    {
        KubeletAuthentication c = plan.Options.Configuration.Authentication!;
        ClientAuthorities? authorities = c.X509!.ClientCAFile is { Length: > 0 } file ? new(file, time, logs.CreateLogger<ClientAuthorities>()) : null;
        bool webhook = c.Webhook!.Enabled == true;
        TokenReviews? tokens = webhook && reviews is not null ? new(reviews, c.Webhook.CacheTTL!.Value, time) : null;
        return new(authorities, tokens, webhook && reviews is null, c.Anonymous!.Enabled == true, time, logs.CreateLogger<Authentication>());
    }

    private static Server.Access.Authorization AuthorizationOf(NodePlan plan, ReviewClient? reviews, TimeProvider time, ILoggerFactory logs)
    {
        KubeletAuthorization c = plan.Options.Configuration.Authorization!;
        return new(
            c.Mode == "AlwaysAllow", reviews, plan.Identity.Name, c.Webhook!.CacheAuthorizedTTL!.Value, c.Webhook.CacheUnauthorizedTTL!.Value, time, logs.CreateLogger<Server.Access.Authorization>());
    }

    [LoggerMessage(LogLevel.Warning, "NodePortsClosed: {Cause}; a node alone goes on without them, and opens them when it is started with that file in place")]
    private static partial void Closed(ILogger log, string cause);

    [LoggerMessage(LogLevel.Information, "Starting to listen address={Address} port={Port} readOnly={ReadOnly}")]
    private static partial void Listening(ILogger log, string address, int port, bool readOnly);
}
