using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Cluster;

namespace NativeKubelet.Node;

/// <summary>
/// Renews this node's Lease, by which the cluster tells a live node from a dead one. A renewal is one PUT of what was last known;
/// only when that is refused is the object read. Runs on while pods are stopped.
/// </summary>
internal sealed partial class LeaseLoop(ApiClient api, string node, int seconds, TimeProvider time, ILogger log)
{
    private const string Namespace = "kube-node-lease", Path = $"apis/coordination.k8s.io/v1/namespaces/{Namespace}/leases";
    private const int TriesAtOnce = 5;

    private readonly RetryPause _pause = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(7), time);
    private V1Lease? _known;

    public async Task RunAsync(CancellationToken cancel)
    {
        // A quarter of its life: three renewals may be lost before anybody doubts.
        TimeSpan period = TimeSpan.FromSeconds(seconds) / 4;
        while (true)
        {
            try
            {
                await RenewAsync(cancel);
                _pause.Reset();
            }
            catch (ApiException e)
            {
                LeaseNotRenewed(e.Message);
                await _pause.WaitAsync(e.RetryAfter, cancel);
                continue;
            }
            await Task.Delay(period * (1 + (0.04 * Random.Shared.NextDouble())), time, cancel);
        }
    }

    private async Task RenewAsync(CancellationToken cancel)
    {
        for (int tries = 1; ; tries++)
            try
            {
                _known = _known is null ? await EnsureAsync(cancel) : await api.ReplaceAsync($"{Path}/{node}", Renewed(_known), cancel);
                return;
            }
            catch (ApiException e) when (tries < TriesAtOnce)
            {
                // Somebody else wrote it, or it is gone: what there is now decides.
                if (e.Code is 404 or 409) _known = null;
                // From the second failure on the connection itself is suspected.
                else if (tries > 1) api.RenewConnections();
            }
    }

    private async Task<V1Lease> EnsureAsync(CancellationToken cancel)
    {
        try
        {
            return await api.ReplaceAsync($"{Path}/{node}", Renewed(await api.GetAsync<V1Lease>($"{Path}/{node}", cancel)), cancel);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // With an owner, so that it goes with the Node; there is no use in a lease of a Node that does not exist yet.
            V1Node owner = await api.GetAsync<V1Node>($"api/v1/nodes/{node}", cancel);
            return await api.CreateAsync(Path, Renewed(new V1Lease
            {
                ApiVersion = "coordination.k8s.io/v1",
                Kind = "Lease",
                Metadata = new() { Name = node, NamespaceProperty = Namespace, OwnerReferences = [new() { ApiVersion = "v1", Kind = "Node", Name = node, Uid = owner.Metadata.Uid }] },
                Spec = new(),
            }), cancel);
        }
    }

    private V1Lease Renewed(V1Lease lease)
    {
        lease.ApiVersion = "coordination.k8s.io/v1";
        lease.Kind = "Lease";
        lease.Spec ??= new();
        lease.Spec.HolderIdentity = node;
        lease.Spec.LeaseDurationSeconds = seconds;
        lease.Spec.RenewTime = time.GetUtcNow().UtcDateTime;
        return lease;
    }

    [LoggerMessage(LogLevel.Warning, "LeaseNotRenewed: {Cause}; it is tried again")]
    private partial void LeaseNotRenewed(string cause);
}
