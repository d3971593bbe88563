using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Cluster;
using NativeKubelet.Core.Node;

namespace NativeKubelet.Node;

/// <summary>What the cluster is told of a node once, when it is made.</summary>
/// <param name="Register">registerNode; false: somebody else makes the Node.</param>
/// <param name="Taints">registerWithTaints.</param>
internal sealed record NodeIdentityCard(
    string Name, string Hostname, string Architecture, IReadOnlyDictionary<string, string> Labels, IReadOnlyList<V1Taint> Taints, string ProviderId, bool Register, bool AttachDetach)
{
    /// <summary>The machine's own labels, and over them those that were asked for.</summary>
    public Dictionary<string, string> AllLabels()
    {
        Dictionary<string, string> labels = new()
        {
            ["kubernetes.io/hostname"] = Hostname,
            ["kubernetes.io/os"] = "linux",
            ["kubernetes.io/arch"] = Architecture,
            ["beta.kubernetes.io/os"] = "linux",
            ["beta.kubernetes.io/arch"] = Architecture,
        };
        foreach ((string key, string value) in Labels) labels[key] = value;
        return labels;
    }
}

/// <summary>Makes this node's Node object, or takes over the one that is there (spec 20 §2).</summary>
internal sealed partial class NodeRegistration(ApiClient api, NodeIdentityCard card, TimeProvider time, ILogger log)
{
    internal const string AttachDetachAnnotation = "volumes.kubernetes.io/controller-managed-attach-detach";

    private static readonly string[] Reconciled =
    [
        "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
        "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
    ];

    private readonly RetryPause _pause = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(7), time);

    /// <returns>The Node as the cluster has it. Tried for ever: without it nothing of the node can be seen.</returns>
    public async Task<V1Node> EnsureAsync(Func<NodeReport> report, CancellationToken cancel)
    {
        if (card.Register) AttemptingToRegister(card.Name);
        while (true)
            try
            {
                V1Node node = card.Register ? await MakeAsync(report(), cancel) : await api.GetAsync<V1Node>(Path, cancel);
                Registered(card.Name);
                return node;
            }
            catch (ApiException e)
            {
                NotRegistered(card.Name, e.Message);
                await _pause.WaitAsync(e.RetryAfter, cancel);
            }
    }

    private string Path => $"api/v1/nodes/{card.Name}";

    private async Task<V1Node> MakeAsync(NodeReport report, CancellationToken cancel)
    {
        try
        {
            return await api.CreateAsync("api/v1/nodes", new V1Node
            {
                ApiVersion = "v1",
                Kind = "Node",
                Metadata = new() { Name = card.Name, Labels = card.AllLabels(), Annotations = card.AttachDetach ? new Dictionary<string, string> { [AttachDetachAnnotation] = "true" } : null },
                Spec = new() { ProviderID = card.ProviderId.Length > 0 ? card.ProviderId : null, Taints = card.Taints.Count > 0 ? [.. card.Taints] : null },
                Status = NodeStatusWire.ToWire(report, null, time.GetUtcNow()),
            }, cancel);
        }
        catch (ApiException e) when (e.AlreadyExists || e.Code == 403)
        {
            // A node may be forbidden to make what it may well keep: whether it is there is the question.
            return await ReconcileAsync(await api.GetAsync<V1Node>(Path, cancel), cancel);
        }
    }

    /// <summary>Well-known labels follow the machine; everything else on an existing Node is its administrator's.</summary>
    private async Task<V1Node> ReconcileAsync(V1Node there, CancellationToken cancel)
    {
        JsonObject labels = [], annotations = [];
        Dictionary<string, string> wanted = card.AllLabels();
        foreach (string key in Reconciled)
            if (wanted.TryGetValue(key, out string? value) && LabelOf(there, key) != value)
                labels[key] = value.Length > 0 ? value : null;
        bool managed = there.Metadata.Annotations is { } notes && notes.TryGetValue(AttachDetachAnnotation, out string? note) && note == "true";
        if (managed != card.AttachDetach) annotations[AttachDetachAnnotation] = card.AttachDetach ? "true" : null;
        if (labels.Count + annotations.Count == 0) return there;
        JsonObject patch = new() { ["metadata"] = new JsonObject { ["labels"] = labels, ["annotations"] = annotations } };
        return await api.PatchAsync<V1Node>($"{Path}/status", System.Text.Encoding.UTF8.GetBytes(patch.ToJsonString()), ApiClient.StrategicMerge, cancel);
    }

    private static string? LabelOf(V1Node node, string key) => node.Metadata.Labels is { } labels && labels.TryGetValue(key, out string? value) ? value : null;

    [LoggerMessage(LogLevel.Information, "Attempting to register node node={Node}")]
    private partial void AttemptingToRegister(string node);

    [LoggerMessage(LogLevel.Information, "Successfully registered node node={Node}")]
    private partial void Registered(string node);

    [LoggerMessage(LogLevel.Warning, "Unable to register node with API server node={Node}: {Cause}; it is tried again")]
    private partial void NotRegistered(string node, string cause);
}
