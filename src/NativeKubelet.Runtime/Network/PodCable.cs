using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Linux.Netlink;

namespace NativeKubelet.Runtime.Network;

/// <summary>The veth pair between the bridge and a pod, and what the pod sees of it.</summary>
internal static class PodCable
{
    private const string Prefix = "veth";
    private const int IdDigits = 8;

    /// <summary>Of the node's end. Two sandboxes that share it cannot both have a network; the next attempt has another id.</summary>
    public static string NameFor(string sandboxId) => Prefix + sandboxId[..Math.Min(IdDigits, sandboxId.Length)];

    public static void SetLoopbackUp(string namespacePath)
    {
        using NetworkNamespace pod = NetworkNamespace.Open(namespacePath);
        using RouteSocket inside = pod.Run(RouteSocket.Open);
        inside.SetUp(inside.Link("lo").Index);
    }

    /// <param name="addresses">One of each of the bridge's subnets.</param>
    public static void Plug(NodeNamespace node, string namespacePath, string hostInterface, Bridge bridge, ImmutableArray<(IPAddress Address, Subnet Subnet)> addresses)
    {
        using NetworkNamespace pod = NetworkNamespace.Open(namespacePath);
        using RouteSocket outside = node.OpenRoute(), inside = pod.Run(RouteSocket.Open);
        outside.AddVeth(new(hostInterface, bridge.Index, bridge.Mtu, BridgeNetwork.PodInterface, pod.Descriptor, Mac(addresses[0].Address)));
        int port = outside.Link(hostInterface).Index, own = inside.Link(BridgeNetwork.PodInterface).Index;
        outside.SetHairpin(port);
        if (addresses.Any(a => a.Address.AddressFamily == AddressFamily.InterNetworkV6)) ReadyForIpv6(pod);
        foreach ((IPAddress address, Subnet subnet) in addresses) inside.AddAddress(own, address, subnet.PrefixLength);
        inside.SetUp(own);
        outside.SetUp(port);
        foreach ((_, Subnet subnet) in addresses) inside.AddDefaultRoute(own, subnet.Gateway);
    }

    /// <summary>Both ends; what is gone already is no error.</summary>
    public static void Unplug(NodeNamespace node, string hostInterface)
    {
        using RouteSocket route = node.OpenRoute();
        if (route.FindLink(hostInterface) is { Kind: "veth" } link) route.DeleteLink(link.Index);
    }

    /// <summary>Cables whose bridge somebody took away hang on nothing: they go into the one that stands.</summary>
    public static void Replug(NodeNamespace node, Bridge bridge, IReadOnlySet<string> hostInterfaces)
    {
        using RouteSocket route = node.OpenRoute();
        foreach (NetworkLink link in route.Links().Where(l => l.Kind == "veth" && l.Master != bridge.Index && hostInterfaces.Contains(l.Name)))
        {
            route.SetMaster(link.Index, bridge.Index);
            route.SetHairpin(link.Index);
            route.SetUp(link.Index);
        }
    }

    /// <summary>Cables of sandboxes that nobody knows.</summary>
    public static void UnplugStrangers(NodeNamespace node, Bridge bridge, IReadOnlySet<string> known)
    {
        using RouteSocket route = node.OpenRoute();
        foreach (NetworkLink link in route.Links())
            if (link.Master == bridge.Index && link.Kind == "veth" && link.Name.StartsWith(Prefix, StringComparison.Ordinal) && !known.Contains(link.Name))
                route.DeleteLink(link.Index);
    }

    /// <summary>The same address has the same MAC, so that no neighbour's memory is wrong when another pod gets it.</summary>
    private static byte[] Mac(IPAddress address) => [0x0a, 0x58, .. address.GetAddressBytes()[^4..]];

    private static void ReadyForIpv6(NetworkNamespace pod) => pod.Run(() =>
    {
        const string own = $"/proc/sys/net/ipv6/conf/{BridgeNetwork.PodInterface}/";
        File.WriteAllText(own + "disable_ipv6", "0");
        // Any neighbour on the bridge could call itself the router (CVE-2020-10749).
        File.WriteAllText(own + "accept_ra", "0");
    });
}
