using System.Net;
using System.Runtime.InteropServices;

namespace NativeKubelet.Linux.Netlink;

/// <param name="Kind">"bridge", "veth" …; empty for hardware and loopback.</param>
/// <param name="Master">Index of the bridge that the link is a port of, else 0.</param>
public sealed record NetworkLink(int Index, string Name, string Kind, int Mtu, int Master, bool Up)
{
    private const uint UpFlag = 1;

    /// <returns>Null when the message is too short to name a link.</returns>
    public static NetworkLink? Parse(NetlinkMessage message)
    {
        if (message.Type != RouteMessage.NewLink || message.Body.Length < RouteMessage.LinkHeader) return null;
        int mtu = 0, master = 0;
        string name = "", kind = "";
        foreach (NetlinkAttribute attribute in message.Attributes(RouteMessage.LinkHeader))
            switch (attribute.Type)
            {
                case RouteMessage.LinkName: name = attribute.Text; break;
                case RouteMessage.LinkMtu: mtu = (int)attribute.Number; break;
                case RouteMessage.LinkMaster: master = (int)attribute.Number; break;
                case RouteMessage.LinkInfo:
                    foreach (NetlinkAttribute info in attribute.Inside)
                        if (info.Type == RouteMessage.InfoKind) kind = info.Text;
                    break;
            }
        return new(MemoryMarshal.Read<int>(message.Body[4..]), name, kind, mtu, master, (MemoryMarshal.Read<uint>(message.Body[8..]) & UpFlag) != 0);
    }
}

/// <param name="Global">Usable from other machines: neither link-local nor of the host alone.</param>
/// <param name="Settled">Duplicate address detection is over, and the address is not deprecated.</param>
public sealed record InterfaceAddress(int Interface, IPAddress Address, int PrefixLength, bool Global, bool Settled)
{
    private const byte UniverseScope = 0;
    private const uint DadFailed = 0x08, Deprecated = 0x20, Tentative = 0x40;

    /// <returns>Null when the message holds no address of IPv4 or IPv6.</returns>
    public static InterfaceAddress? Parse(NetlinkMessage message)
    {
        if (message.Type != RouteMessage.NewAddress || message.Body.Length < RouteMessage.AddressHeader) return null;
        ReadOnlySpan<byte> body = message.Body;
        IPAddress? local = null, address = null;
        uint flags = body[2];
        foreach (NetlinkAttribute attribute in message.Attributes(RouteMessage.AddressHeader))
            switch (attribute.Type)
            {
                case RouteMessage.AddressPeer: address = attribute.Address; break;
                case RouteMessage.AddressLocal: local = attribute.Address; break;
                case RouteMessage.AddressFlags: flags = attribute.Number; break;
            }
        // On a point-to-point link IFA_ADDRESS is the other end; IPv6 has no IFA_LOCAL otherwise.
        return (local ?? address) is not { } own ? null
            : new(MemoryMarshal.Read<int>(body[4..]), own, body[1], body[3] == UniverseScope, (flags & (DadFailed | Deprecated | Tentative)) == 0);
    }
}

/// <param name="Destination">The all-zero address with prefix 0 for a default route.</param>
/// <param name="Metric">Lower wins.</param>
public sealed record NetworkRoute(IPAddress Destination, int PrefixLength, IPAddress? Gateway, int Interface, uint Table, uint Metric, byte Kind)
{
    public const uint MainTable = 254;
    private const byte UnicastKind = 1;

    public bool IsDefault => PrefixLength == 0 && Unicast;

    public bool Unicast => Kind == UnicastKind;

    /// <returns>Null when the message holds no route of IPv4 or IPv6. Of several next hops the first is told.</returns>
    public static NetworkRoute? Parse(NetlinkMessage message)
    {
        if (message.Type != RouteMessage.NewRoute || message.Body.Length < RouteMessage.RouteHeader) return null;
        ReadOnlySpan<byte> body = message.Body;
        if (body[0] is not (RouteMessage.InterNetwork or RouteMessage.InterNetwork6)) return null;
        IPAddress destination = body[0] == RouteMessage.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        IPAddress? gateway = null;
        uint table = body[4], metric = 0;
        int oif = 0;
        foreach (NetlinkAttribute attribute in message.Attributes(RouteMessage.RouteHeader))
            switch (attribute.Type)
            {
                case RouteMessage.RouteDestination: destination = attribute.Address ?? destination; break;
                case RouteMessage.RouteGateway: gateway = attribute.Address; break;
                case RouteMessage.RouteInterface: oif = (int)attribute.Number; break;
                case RouteMessage.RouteMetric: metric = attribute.Number; break;
                case RouteMessage.RouteTable: table = attribute.Number; break;
                case RouteMessage.RouteMultipath when attribute.Value.Length >= RouteMessage.NextHopHeader:
                    oif = MemoryMarshal.Read<int>(attribute.Value[4..]);
                    break;
            }
        return new(destination, body[1], gateway, oif, table, metric, body[7]);
    }
}
