using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// The network for nodes without CNI: a bridge, a cable and leased addresses for each pod, masquerade and host ports. Made
/// when the first pod needs it. Records tell what belongs to whom; every step of the way back may be repeated.
/// </summary>
internal sealed partial class BridgeNetwork : IDisposable
{
    public const string PodInterface = "eth0";

    private readonly NodeNamespace _node;
    private readonly NetworkRecords _records;
    private readonly ILogger _log;
    private readonly string _bootId;
    private readonly BridgeLink _link;
    private readonly BridgeFirewall _firewall;
    private readonly PortFlows _flows;
    private readonly AddressLeases _leases;
    private readonly string _leaseDirectory;

    /// <summary>Held for leases, tables and the bridge itself; cables are made and cut at the same time.</summary>
    private readonly Lock _gate = new();
    private Bridge? _bridge;

    /// <param name="subnets">Empty: one is chosen.</param>
    /// <param name="directory">Exists.</param>
    public BridgeNetwork(NetworkSettings settings, ImmutableArray<Subnet> subnets, NodeNamespace node, NetworkRecords records, string directory, string bootId, TimeProvider time, ILogger log)
    {
        (_node, _records, _bootId, _log) = (node, records, bootId, log);
        _leaseDirectory = Path.Combine(directory, "leases");
        _leases = new AddressLeases(_leaseDirectory, bootId);
        string bridgeName = settings.BridgeName;
        _link = new BridgeLink(bridgeName, subnets, node, Path.Combine(directory, "bridge.json"), bootId, log);
        IptablesTables iptables = new(bridgeName, node, directory, bootId, settings.IptablesKinds, time);
        _firewall = new BridgeFirewall(iptables.InUse || !settings.NfTables ? null : new NftTables(bridgeName, node, log), iptables, bridgeName, time, log);
        _flows = new PortFlows(node, log);
    }

    /// <summary>The record is saved as it grows: before a thing is made, it is written down.</summary>
    public NetworkRecord Add(NetworkRecord record, bool preferIpv6)
    {
        Bridge bridge;
        ImmutableArray<(IPAddress Address, Subnet Subnet)> addresses;
        lock (_gate)
        {
            bridge = EnsureBridge();
            addresses = [.. bridge.Subnets.Select(subnet => (_leases.Take(subnet, record.SandboxId), subnet))];
            record = record with { Ips = PodIps.ForStatus(addresses.Select(a => a.Address), preferIpv6), HostInterface = PodCable.NameFor(record.SandboxId) };
            _records.Save(record);
        }
        PodCable.Plug(_node, record.NamespacePath, record.HostInterface, bridge, addresses);
        if (record.Ports.IsEmpty) return record;
        lock (_gate)
            if (!TryWriteRules(bridge, out IOException? cause))
                throw new RuntimeException("FailedCreatePodSandBox", $"host ports need nf_tables with nat, fib and masquerade in the kernel, or iptables: {cause!.Message}; add the kernel's modules, the iptables programs, or a CNI configuration", cause);
        _flows.ForgetOlderThan(ForwardsOf(record));
        return record;
    }

    /// <summary>Of a record in state Deleting, whose ports are no longer among the wanted.</summary>
    public void Remove(NetworkRecord record)
    {
        if (record.BootId == _bootId)
        {
            lock (_gate)
                if (!record.Ports.IsEmpty && _bridge is { } bridge && !TryWriteRules(bridge, out IOException? cause)) RulesNotWritten(cause!.Message);
            _flows.ForgetInto(ForwardsOf(record));
            if (record.HostInterface.Length > 0) PodCable.Unplug(_node, record.HostInterface);
        }
        lock (_gate) _leases.Release(owner => owner == record.SandboxId);
    }

    /// <summary>After a start: the bridge and its table as the living need them, and nothing that belongs to others.</summary>
    public void Restore()
    {
        lock (_gate)
        {
            ImmutableArray<NetworkRecord> living = Living();
            HashSet<string> ids = [.. living.Select(r => r.SandboxId)];
            _leases.Release(owner => !ids.Contains(owner));
            foreach (NetworkRecord record in living)
                foreach (IPAddress address in AddressesOf(record)) _leases.Hold(address, record.SandboxId);
            if (living.IsEmpty && !_link.Exists()) return;
            Bridge bridge = EnsureBridge();
            PodCable.UnplugStrangers(_node, bridge, CablesOf(living));
        }
    }

    /// <summary>Bridge, tables, leases and tunables, as if they had never been. The pods' networks have been removed before.</summary>
    public void RemoveEverything()
    {
        lock (_gate) Remove(restoreTunables: true);
    }

    /// <summary>The bridge goes with its last pod where pods get another network by now, which may need the node's forwarding.</summary>
    public void GiveWay()
    {
        lock (_gate)
            if (Living().IsEmpty && _link.Exists()) Remove(restoreTunables: false);
    }

    public void Dispose() => _firewall.Dispose();

    private void Remove(bool restoreTunables)
    {
        _firewall.Remove();
        _link.Remove(restoreTunables);
        _bridge = null;
        if (Directory.Exists(_leaseDirectory)) Directory.Delete(_leaseDirectory, recursive: true);
    }

    private Bridge EnsureBridge()
    {
        if (_bridge is { } known && _link.Stands(known)) return known;
        Directory.CreateDirectory(_leaseDirectory);
        Bridge bridge = _link.Ensure(_leases.AnyIn);
        PodCable.Replug(_node, bridge, CablesOf(Living()));
        if (TryWriteRules(bridge, out IOException? cause))
        {
            if (bridge.Subnets.Any(s => s.Family == AddressFamily.InterNetwork)) _link.AllowLoopbackSources();
        }
        else RulesNotWritten(cause!.Message);
        return _bridge = bridge;
    }

    private bool TryWriteRules(Bridge bridge, out IOException? cause)
    {
        try
        {
            _firewall.Replace([.. bridge.Subnets, .. bridge.Leaving], [.. Living().SelectMany(r => ForwardsOf(r))]);
            cause = null;
            return true;
        }
        catch (IOException e)
        {
            cause = e;
            return false;
        }
    }

    private ImmutableArray<NetworkRecord> Living() => [.. _records.All.Where(r => r.Cni is null && r.State != NetworkState.Deleting && r.BootId == _bootId)];

    private static ImmutableArray<PortForward> ForwardsOf(NetworkRecord record) => BridgeRules.Forwards(record.SandboxId, record.Ports, AddressesOf(record));

    private static HashSet<string> CablesOf(IEnumerable<NetworkRecord> records) => [.. records.Select(r => r.HostInterface)];

    private static IEnumerable<IPAddress> AddressesOf(NetworkRecord record)
    {
        foreach (string ip in record.Ips)
            if (IPAddress.TryParse(ip, out IPAddress? address)) yield return address;
    }

    [LoggerMessage(LogLevel.Warning, "FirewallRulesNotWritten: pods reach each other and this node, but nothing beyond it: {Cause}")]
    private partial void RulesNotWritten(string cause);
}
