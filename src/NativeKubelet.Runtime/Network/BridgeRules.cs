using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Netlink;

namespace NativeKubelet.Runtime.Network;

/// <summary>A port of the node that leads into a pod.</summary>
/// <param name="HostAddress">Null: every address of the node of the target's family.</param>
internal sealed record PortForward(string SandboxId, string Protocol, IPAddress? HostAddress, int HostPort, IPAddress Target, int Port);

/// <summary>
/// The bridge's whole nf_tables table as one transaction (spec 42 §B8): host ports by maps, masquerade on the way out, and the
/// guard without which route_localnet would open the node's loopback services to its neighbours.
/// </summary>
internal static class BridgeRules
{
    private const int DestinationNat = -100, SourceNat = 100, BeforeTracking = -300;
    private static readonly IPAddress Loopback = IPAddress.Parse("127.0.0.0"), Multicast = IPAddress.Parse("224.0.0.0"), Multicast6 = IPAddress.Parse("ff00::");

    /// <param name="subnets">All that pods on the bridge have addresses of.</param>
    /// <param name="excluded">Destinations that see pods' own addresses, such as other nodes' pods.</param>
    public static void Write(NftBatch batch, AddressFamily family, string bridge, IEnumerable<Subnet> subnets, IEnumerable<Subnet> excluded, IEnumerable<PortForward> forwards)
    {
        ImmutableArray<Subnet> own = [.. subnets.Where(s => s.Family == family)], direct = [.. own.Concat(excluded.Where(s => s.Family == family))];
        bool ipv6 = family == AddressFamily.InterNetworkV6;
        batch.DropTable();
        batch.AddTable();
        WritePorts(batch, family, forwards);

        batch.AddChain("postrouting", "nat", NftHook.Postrouting, SourceNat);
        foreach (Subnet subnet in own)
            // From a pod through a port of the node back to a pod: the answer must come by way of the node, too.
            batch.Rule("postrouting", r => r.To(bridge).Source(subnet.Network, subnet.PrefixLength).DestinationWasTranslated().Masquerade());
        if (!ipv6) batch.Rule("postrouting", r => r.To(bridge).Source(Loopback, 8).DestinationWasTranslated().Masquerade());
        foreach (Subnet subnet in own)
            batch.Rule("postrouting", r =>
            {
                r.To(bridge, equal: false).Source(subnet.Network, subnet.PrefixLength).Destination(ipv6 ? Multicast6 : Multicast, ipv6 ? 8 : 4, equal: false);
                foreach (Subnet seen in direct) r.Destination(seen.Network, seen.PrefixLength, equal: false);
                r.Masquerade();
            });

        if (ipv6) return;
        // route_localnet lets 127.0.0.1 through to pods, and would let neighbours through to 127.0.0.1 (CVE-2020-8558). On the
        // wire nobody has such an address; translated ones are not yet, or no longer, here before connection tracking.
        batch.AddChain("guard", "filter", NftHook.Prerouting, BeforeTracking);
        batch.Rule("guard", r => r.From("lo", equal: false).Destination(Loopback, 8).Drop());
        batch.Rule("guard", r => r.From("lo", equal: false).Source(Loopback, 8).Drop());
    }

    private static void WritePorts(NftBatch batch, AddressFamily family, IEnumerable<PortForward> forwards)
    {
        ImmutableArray<PortTranslation> ports = [.. Distinct(forwards.Where(f => f.Target.AddressFamily == family)).Select(Translation)];
        const string byPort = "hostports", byAddress = "hostports_ip", chain = "hostports";
        uint portMap = batch.AddPortMap(byPort, withAddress: false), addressMap = batch.AddPortMap(byAddress, withAddress: true);
        batch.AddPorts(byPort, portMap, ports.Where(p => p.HostAddress is null));
        batch.AddPorts(byAddress, addressMap, ports.Where(p => p.HostAddress is not null));
        batch.AddChain(chain);
        batch.Rule(chain, r => r.TranslateBy(byAddress, addressMap, withAddress: true));
        batch.Rule(chain, r => r.TranslateBy(byPort, portMap, withAddress: false));
        batch.AddChain("prerouting", "nat", NftHook.Prerouting, DestinationNat);
        batch.AddChain("output", "nat", NftHook.Output, DestinationNat);
        batch.Rule("prerouting", r => r.DestinationIsLocal().Jump(chain));
        batch.Rule("output", r => r.DestinationIsLocal().Jump(chain));
    }

    /// <summary>Of two that claim one port the later wins: an old sandbox may still be on its way out.</summary>
    public static IEnumerable<PortForward> Distinct(IEnumerable<PortForward> forwards)
    {
        Dictionary<(IPAddress?, byte, int), PortForward> chosen = [];
        foreach (PortForward f in forwards)
            if (Number(f.Protocol) is { } protocol) chosen[(f.HostAddress, protocol, f.HostPort)] = f;
        return chosen.Values;
    }

    private static PortTranslation Translation(PortForward f) =>
        new(f.HostAddress, Number(f.Protocol) ?? 0, (ushort)f.HostPort, f.Target, (ushort)f.Port, f.SandboxId);

    /// <summary>What a pod's mappings mean for its addresses; those for a family that the pod lacks lead nowhere.</summary>
    public static ImmutableArray<PortForward> Forwards(string sandboxId, IEnumerable<PortMapping> ports, IEnumerable<IPAddress> addresses) =>
    [
        .. from port in ports
           where port.HostPort is > 0 and <= ushort.MaxValue && port.ContainerPort is > 0 and <= ushort.MaxValue
           from target in addresses
           let host = IPAddress.TryParse(port.HostIp, out IPAddress? parsed) ? parsed : null
           where host is null || host.AddressFamily == target.AddressFamily
           select new PortForward(sandboxId, port.Protocol, Unspecified(host) ? null : host, port.HostPort, target, port.ContainerPort),
    ];

    private static bool Unspecified(IPAddress? address) => address is null || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static byte? Number(string protocol) => protocol.ToUpperInvariant() switch { "TCP" => 6, "UDP" => 17, "SCTP" => 132, _ => null };
}
