using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace NativeKubelet.Core.Network;

/// <summary>What is known when the node's own address is looked for.</summary>
/// <param name="Given">--node-ip; empty, 0.0.0.0 and :: leave the choice open, the last for IPv6.</param>
/// <param name="Hostname">The node's name; used if it is an address itself.</param>
/// <param name="LookedUp">What the resolver says of the name, in its order.</param>
/// <param name="Own">Every address of the machine's interfaces.</param>
/// <param name="ByDefaultRoute">Addresses of the interface that the default route of each family uses.</param>
public sealed record NodeAddressFacts(
    ImmutableArray<IPAddress> Given, string Hostname, ImmutableArray<IPAddress> LookedUp, ImmutableArray<IPAddress> Own, ImmutableArray<IPAddress> ByDefaultRoute);

/// <param name="Addresses">The primary first; empty with a problem.</param>
/// <param name="Problem">Why there is none, or what is doubtful about it; null if all is well.</param>
public sealed record NodeAddresses(ImmutableArray<IPAddress> Addresses, string? Problem)
{
    /// <summary>hostIPs of the pods of this node, and its InternalIPs where no cloud names others (spec 20).</summary>
    public static NodeAddresses Choose(NodeAddressFacts facts)
    {
        bool open = facts.Given.IsEmpty || (facts.Given.Length == 1 && Unspecified(facts.Given[0]));
        if (!open)
        {
            IPAddress? stranger = facts.Given.FirstOrDefault(a => Refusal(a, facts.Own) is not null);
            return new(facts.Given, stranger is null ? null : Refusal(stranger, facts.Own));
        }

        bool ipv6 = facts.Given is [{ AddressFamily: AddressFamily.InterNetworkV6 }];
        if (IPAddress.TryParse(facts.Hostname, out IPAddress? named)) return new([named], null);
        IPAddress? found = First(facts.LookedUp.Where(a => Refusal(a, facts.Own) is null), ipv6) ?? First(facts.ByDefaultRoute.Where(Routable), ipv6);
        return found is not null ? new([found], null)
            : new([], $"can't get ip address of node {facts.Hostname}. error: no default routes found in \"/proc/net/route\" or \"/proc/net/ipv6_route\"; name one with --node-ip");
    }

    private static IPAddress? First(IEnumerable<IPAddress> addresses, bool ipv6)
    {
        AddressFamily wanted = ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        List<IPAddress> all = [.. addresses];
        return all.FirstOrDefault(a => a.AddressFamily == wanted) ?? all.FirstOrDefault();
    }

    private static string? Refusal(IPAddress address, ImmutableArray<IPAddress> own) =>
        IPAddress.IsLoopback(address) ? "nodeIP can't be loopback address"
        : Multicast(address) ? "nodeIP can't be a multicast address"
        : LinkLocal(address) ? "nodeIP can't be a link-local unicast address"
        : Unspecified(address) ? "nodeIP can't be an all zeros address"
        : own.Contains(address) ? null : $"node IP: \"{address}\" not found in the host's network interfaces";

    private static bool Routable(IPAddress address) => !IPAddress.IsLoopback(address) && !Multicast(address) && !LinkLocal(address) && !Unspecified(address);

    private static bool Unspecified(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static bool Multicast(IPAddress address) => address.IsIPv6Multicast || (address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] is >= 224 and <= 239);

    private static bool LinkLocal(IPAddress address) => address.IsIPv6LinkLocal || address.GetAddressBytes() is [169, 254, _, _];
}
