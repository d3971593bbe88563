using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Netlink;

namespace NativeKubelet.Runtime.Network;

/// <summary>The bridge as it stands on the node.</summary>
/// <param name="Subnets">New pods get an address of each.</param>
/// <param name="Leaving">Subnets of an earlier configuration that pods still have addresses of.</param>
internal sealed record Bridge(string Name, int Index, int Mtu, ImmutableArray<Subnet> Subnets, ImmutableArray<Subnet> Leaving);

/// <summary>Makes the bridge, its gateway addresses and the node's forwarding, and takes back exactly what it made.</summary>
internal sealed partial class BridgeLink
{
    private const string Forwarding4 = "ipv4/ip_forward", Forwarding6 = "ipv6/conf/all/forwarding";
    private const int ShortestPrefix = 8;

    private readonly string _name, _stateFile;
    private readonly ImmutableArray<Subnet> _configured;
    private readonly NodeNamespace _node;
    private readonly ILogger _log;
    private BridgeState _state;

    /// <param name="configured">Empty: one is chosen.</param>
    public BridgeLink(string name, ImmutableArray<Subnet> configured, NodeNamespace node, string stateFile, string bootId, ILogger log)
    {
        (_name, _configured, _node, _stateFile, _log) = (name, configured, node, stateFile, log);
        _state = BridgeState.Load(stateFile, bootId);
    }

    /// <summary>Whether the bridge that was made is still there; one cheap question.</summary>
    public bool Stands(Bridge bridge)
    {
        using RouteSocket route = _node.OpenRoute();
        return route.FindLink(_name) is { Up: true } link && link.Index == bridge.Index;
    }

    public bool Exists()
    {
        if (_name.Length == 0) return false;
        using RouteSocket route = _node.OpenRoute();
        return route.FindLink(_name) is { Kind: "bridge" };
    }

    /// <param name="inUse">Whether pods have addresses of a subnet.</param>
    public Bridge Ensure(Func<Subnet, bool> inUse)
    {
        using RouteSocket route = _node.OpenRoute();
        NetworkLink? link = route.FindLink(_name);
        if (link is { Kind: not "bridge" })
            throw new RuntimeException("FailedCreatePodSandBox", $"link {_name} exists and is no bridge; name another with --bridge-name");
        ImmutableArray<NetworkRoute> routes = route.Routes();
        ImmutableArray<InterfaceAddress> addresses = link is null ? [] : [.. route.Addresses().Where(a => a.Interface == link.Index && a.Global)];
        ImmutableArray<Subnet> subnets = Choose(routes, addresses, link);
        int mtu = link?.Mtu ?? Mtu(route, routes);
        if (link is null)
        {
            Save(_state with { OwnsBridge = true });      // before it is so: a crash in between must not make it a stranger's
            route.AddBridge(_name, Mac(_name), mtu);
            link = route.Link(_name);
            BridgeMade(_name, string.Join(',', subnets), mtu);
        }

        List<Subnet> leaving = [];
        foreach (InterfaceAddress address in addresses)
        {
            Subnet old = new(address.Address, address.PrefixLength);
            if (subnets.Contains(old) || !old.Usable || !old.Gateway.Equals(address.Address)) continue;
            if (inUse(old)) leaving.Add(old);
            else route.RemoveAddress(link.Index, address.Address, address.PrefixLength);
        }
        foreach (Subnet subnet in subnets) route.AddAddress(link.Index, subnet.Gateway, subnet.PrefixLength);
        route.SetUp(link.Index);
        SetForwarding(route, routes, subnets);
        return new(_name, link.Index, mtu, subnets, [.. leaving]);
    }

    /// <summary>
    /// Lets what comes from 127.0.0.1 reach pods through their host ports. Only ever on our own bridge, and only once the table
    /// that shields the node's loopback from its neighbours stands (CVE-2020-8558); gone with the bridge.
    /// </summary>
    public void AllowLoopbackSources()
    {
        string path = $"ipv4/conf/{_name}/route_localnet";
        if (_node.Tunable(path) == "0") _node.SetTunable(path, "1");
    }

    /// <summary>Takes away the bridge if it is ours, and restores the tunables that nobody else may need by now.</summary>
    public void Remove(bool restoreTunables)
    {
        using RouteSocket route = _node.OpenRoute();
        if (_state.OwnsBridge && _name.Length > 0 && route.FindLink(_name) is { Kind: "bridge" } link) route.DeleteLink(link.Index);
        // Another bridge is another agent's or engine's, who may have come later, found forwarding on and rely on it.
        if (restoreTunables && !route.Links().Any(l => l.Kind == "bridge" && l.Name != _name))
            foreach ((string path, string before) in _state.TunablesBefore)
                if (_node.Tunable(path) is not null) _node.SetTunable(path, before);
        _state = _state with { OwnsBridge = false, TunablesBefore = ImmutableSortedDictionary<string, string>.Empty };
        File.Delete(_stateFile);
    }

    private ImmutableArray<Subnet> Choose(ImmutableArray<NetworkRoute> routes, ImmutableArray<InterfaceAddress> addresses, NetworkLink? link)
    {
        // Routes as wide as a default route's halves say nothing about what is in use.
        List<Subnet> used = [.. routes.Where(r => r.Unicast && r.PrefixLength >= ShortestPrefix && r.Interface != link?.Index).Select(r => new Subnet(r.Destination, r.PrefixLength))];
        if (!_configured.IsEmpty)
        {
            foreach (Subnet wanted in _configured)
                if (PodSubnets.Conflict(wanted, used) is { } taken)
                    throw new RuntimeException("FailedCreatePodSandBox", $"pod subnet {wanted} meets this node's own route to {taken}; give another one with --pod-subnet");
            return _configured;
        }
        // What an earlier start chose stays as long as its bridge, whatever routes have come since.
        foreach (InterfaceAddress address in addresses)
            if (address.Address.AddressFamily == AddressFamily.InterNetwork && new Subnet(address.Address, address.PrefixLength) is { Usable: true } kept && kept.Gateway.Equals(address.Address))
                return [kept];
        return [PodSubnets.Choose(used) ?? throw new RuntimeException("FailedCreatePodSandBox", "every private block that pods could get is in use on this node; name a free one with --pod-subnet")];
    }

    private void SetForwarding(RouteSocket route, ImmutableArray<NetworkRoute> routes, ImmutableArray<Subnet> subnets)
    {
        if (subnets.Any(s => s.Family == AddressFamily.InterNetwork)) Change(Forwarding4, "1");
        if (!subnets.Any(s => s.Family == AddressFamily.InterNetworkV6)) return;
        // A forwarding node no longer listens to routers unless it is told to with a 2.
        ImmutableArray<NetworkLink> links = route.Links();
        foreach (int uplink in routes.Where(r => r.IsDefault && r.Destination.Equals(IPAddress.IPv6Any)).Select(r => r.Interface).Distinct())
            if (links.FirstOrDefault(l => l.Index == uplink) is { } link && _node.Tunable($"ipv6/conf/{link.Name}/accept_ra") == "1")
                Change($"ipv6/conf/{link.Name}/accept_ra", "2");
        Change(Forwarding6, "1");
    }

    private void Change(string path, string value)
    {
        if (_node.Tunable(path) is not { } before || before == value) return;
        if (!_state.TunablesBefore.ContainsKey(path)) Save(_state with { TunablesBefore = _state.TunablesBefore.Add(path, before) });
        _node.SetTunable(path, value);
        TunableChanged(path, before, value);
    }

    private void Save(BridgeState state)
    {
        state.Save(_stateFile);
        _state = state;
    }

    /// <returns>That of the way out, so that pods' packets need no fragmenting; 0 leaves the kernel's.</returns>
    private static int Mtu(RouteSocket route, ImmutableArray<NetworkRoute> routes)
    {
        NetworkRoute? way = routes.Where(r => r.IsDefault && r.Table == NetworkRoute.MainTable).MinBy(r => r.Metric);
        return way is null ? 0 : route.Links().FirstOrDefault(l => l.Index == way.Interface)?.Mtu ?? 0;
    }

    /// <summary>Locally administered, always the same for a name.</summary>
    private static byte[] Mac(string name) => [0x0a, 0x58, .. SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 4)];

    [LoggerMessage(LogLevel.Information, "BridgeMade bridge={Bridge} subnets={Subnets} mtu={Mtu}")]
    private partial void BridgeMade(string bridge, string subnets, int mtu);

    [LoggerMessage(LogLevel.Information, "TunableChanged path=net/{Path} before={Before} now={Now}")]
    private partial void TunableChanged(string path, string before, string now);
}
