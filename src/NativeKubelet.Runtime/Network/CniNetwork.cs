using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Namespaces;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// Networks by plugins: ADD along the chain, DEL along it backwards, from what was kept at ADD (spec 42 §B2). Calls for one
/// sandbox come one after the other.
/// </summary>
internal sealed partial class CniNetwork(CniPlugins plugins, NetworkRecords records, CniCache cache, string bootId, ILogger log) : IDisposable
{
    private readonly ILogger _log = log;

    // portmap 1.1 makes its shared iptables chains on its first call, and fails where another call has just made them.
    private readonly SemaphoreSlim _firstPorts = new(1);
    private volatile bool _portsAdded;

    /// <returns>What the record of this attachment must say before the first plugin runs.</returns>
    /// <exception cref="RuntimeException">The pod asks for something that cannot be.</exception>
    public static CniAttachment Prepare(CniNetworkConfig network, NetworkAttachment attachment)
    {
        CniBandwidth? bandwidth = CniBandwidth.Of(attachment.Annotations, out string? problem);
        if (problem is not null) throw new RuntimeException("FailedCreatePodSandBox", problem);
        JsonObject capabilities = CniRequest.Capabilities(
            attachment.Ports.Select(p => new CniPort(p.HostPort, p.ContainerPort, p.Protocol, p.HostIp)), attachment.CgroupPath, attachment.Annotations, bandwidth, dns: null);
        return new(network.Name, network.Json,
            CniRequest.Arguments(attachment.PodNamespace, attachment.PodName, attachment.PodUid, attachment.SandboxId), capabilities.ToJsonString(), Result: null);
    }

    /// <returns>The record with result and addresses.</returns>
    /// <exception cref="RuntimeException">With the failing plugin's name and words; what ran before it is still there.</exception>
    public async Task<NetworkRecord> AddAsync(NetworkRecord record, CniNetworkConfig network, bool preferIpv6, CancellationToken cancel)
    {
        JsonObject capabilities = ObjectOf(record.Cni!.Capabilities) ?? [];
        if (_portsAdded || !capabilities.ContainsKey("portMappings")) return await AddChainAsync(record, network, capabilities, preferIpv6, cancel);
        await _firstPorts.WaitAsync(cancel);
        bool alone = !_portsAdded;
        if (!alone) _firstPorts.Release();
        try
        {
            record = await AddChainAsync(record, network, capabilities, preferIpv6, cancel);
            _portsAdded = true;
            return record;
        }
        finally
        {
            if (alone) _firstPorts.Release();
        }
    }

    private async Task<NetworkRecord> AddChainAsync(NetworkRecord record, CniNetworkConfig network, JsonObject capabilities, bool preferIpv6, CancellationToken cancel)
    {
        CniAttachment attachment = record.Cni!;
        CniCall call = new("ADD", record.SandboxId, record.NamespacePath, CniRequest.ArgumentText(attachment.Arguments));
        JsonObject? result = null;
        foreach (CniPlugin plugin in network.Plugins)
            try
            {
                byte[] output = await plugins.RunAsync(plugin.Type, call, CniRequest.Input(network, plugin, result, capabilities), cancel);
                result = CniAnswer.ParseResult(output, network.Version);
            }
            catch (CniAnswerException e)
            {
                throw Failed(plugin, network, "add", e);
            }
        record = record with
        {
            Ips = PodIps.ForStatus(PodIps.Of(CniAnswer.Typed(result!), BridgeNetwork.PodInterface), preferIpv6),
            Cni = attachment with { Result = result!.ToJsonString() },
        };
        records.Save(record);
        cache.Write(record);
        return record;
    }

    /// <summary>Gives back what plugins keep for the sandbox. May be repeated; namespace and configuration may be gone.</summary>
    /// <exception cref="RuntimeException">A plugin failed: call again later.</exception>
    public async Task RemoveAsync(NetworkRecord record, CancellationToken cancel)
    {
        CniAttachment attachment = record.Cni!;
        CniNetworkConfig network = Parse(record);
        // A path that was given anew in another boot would be another pod's.
        string path = record.BootId == bootId && NetworkNamespace.IsBound(record.NamespacePath) ? record.NamespacePath : "";
        CniCall call = new("DEL", record.SandboxId, path, CniRequest.ArgumentText(attachment.Arguments));
        JsonObject capabilities = ObjectOf(attachment.Capabilities) ?? [];
        JsonObject? result = network.HasCheck && attachment.Result is { } text ? ObjectOf(text) : null;
        foreach (CniPlugin plugin in network.Plugins.Reverse())
            try
            {
                if (plugins.Find(plugin.Type) is null)
                {
                    // It will not come back by waiting, and the pod cannot stay for ever.
                    PluginGone(plugin.Type, network.Name, record.SandboxId);
                    continue;
                }
                await plugins.RunAsync(plugin.Type, call, CniRequest.Input(network, plugin, result, capabilities), cancel);
            }
            catch (CniAnswerException e)
            {
                throw Failed(plugin, network, "delete", e);
            }
        cache.Delete(record);
    }

    public void Dispose() => _firstPorts.Dispose();

    private static CniNetworkConfig Parse(NetworkRecord record)
    {
        try
        {
            return CniNetworkConfig.Parse(Encoding.UTF8.GetBytes(record.Cni!.Config), single: false);
        }
        catch (CniConfigException e)
        {
            throw new RuntimeException("FailedKillPod", $"kept CNI configuration of sandbox \"{record.SandboxId}\" {e.Message}", e);
        }
    }

    /// <returns>Null when the text, which was valid when it was kept, is no object any more.</returns>
    private static JsonObject? ObjectOf(string json)
    {
        try
        {
            return JsonNode.Parse(json) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static RuntimeException Failed(CniPlugin plugin, CniNetworkConfig network, string what, Exception cause) =>
        new("FailedCreatePodSandBox", $"plugin type=\"{plugin.Type}\" name=\"{network.Name}\" failed ({what}): {cause.Message}", cause);

    [LoggerMessage(LogLevel.Warning, "CniPluginGone plugin={Plugin} network={Network} sandbox={SandboxId}: DEL goes on without it; what it keeps elsewhere, such as an address, may stay taken")]
    private partial void PluginGone(string plugin, string network, string sandboxId);
}
