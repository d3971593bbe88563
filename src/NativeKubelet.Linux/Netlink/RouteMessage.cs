using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NativeKubelet.Linux.Netlink;

/// <summary>Numbers and headers of rtnetlink (linux/rtnetlink.h, if_link.h, if_addr.h), and the requests built of them.</summary>
internal static class RouteMessage
{
    public const ushort NewLink = 16, DeleteLink = 17, GetLink = 18, NewAddress = 20, DeleteAddress = 21, GetAddress = 22;
    public const ushort NewRoute = 24, GetRoute = 26;
    public const int LinkHeader = 16, AddressHeader = 8, RouteHeader = 12, NextHopHeader = 8;
    public const byte InterNetwork = 2, BridgeFamily = 7, InterNetwork6 = 10;

    // IFLA_
    public const ushort LinkMac = 1, LinkName = 3, LinkMtu = 4, LinkMaster = 10, LinkPortInfo = 12, LinkInfo = 18, LinkNamespaceFd = 28;
    public const ushort InfoKind = 1, InfoData = 2;
    private const ushort VethPeer = 1, BridgePortHairpin = 4;

    // IFA_ and RTA_
    public const ushort AddressPeer = 1, AddressLocal = 2, AddressFlags = 8;
    public const ushort RouteDestination = 1, RouteInterface = 4, RouteGateway = 5, RouteMetric = 6, RouteMultipath = 9, RouteTable = 15;

    private const uint UpFlag = 1;
    private const uint NoDuplicateDetection = 0x02;
    private const NetlinkFlags Do = NetlinkFlags.Request | NetlinkFlags.Acknowledge;
    private const NetlinkFlags Make = Do | NetlinkFlags.Create | NetlinkFlags.Exclusive;

    public static void List(NetlinkWriter w, uint sequence, ushort type, int headerLength)
    {
        w.Message(type, NetlinkFlags.Request | NetlinkFlags.Dump, sequence);
        if (headerLength == LinkHeader) w.Fixed(default(Link));
        else if (headerLength == AddressHeader) w.Fixed(default(Address));
        else w.Fixed(default(Route));
    }

    public static void Find(NetlinkWriter w, uint sequence, string name) =>
        w.Message(GetLink, Do, sequence).Fixed(default(Link)).Text(LinkName, name);

    public static void Bridge(NetlinkWriter w, uint sequence, string name, ReadOnlySpan<byte> mac, int mtu)
    {
        w.Message(NewLink, Make, sequence).Fixed(default(Link)).Text(LinkName, name).Attribute(LinkMac, mac);
        if (mtu > 0) w.Number(LinkMtu, mtu);
        using (w.Inside(LinkInfo)) w.Text(InfoKind, "bridge");
    }

    public static void Veth(NetlinkWriter w, uint sequence, VethPair pair)
    {
        w.Message(NewLink, Make, sequence).Fixed(default(Link)).Text(LinkName, pair.Name);
        if (pair.Mtu > 0) w.Number(LinkMtu, pair.Mtu);
        if (pair.Master > 0) w.Number(LinkMaster, pair.Master);
        using (w.Inside(LinkInfo))
        {
            w.Text(InfoKind, "veth");
            using (w.Inside(InfoData))
            using (w.Inside(VethPeer))
            {
                w.Fixed(default(Link)).Text(LinkName, pair.PeerName).Number(LinkNamespaceFd, pair.PeerNamespace.Number);
                if (pair.Mtu > 0) w.Number(LinkMtu, pair.Mtu);
                if (!pair.PeerMac.IsEmpty) w.Attribute(LinkMac, pair.PeerMac.Span);
            }
        }
    }

    public static void Up(NetlinkWriter w, uint sequence, int index) =>
        w.Message(NewLink, Do, sequence).Fixed(new Link { Index = index, Flags = UpFlag, Change = UpFlag });

    public static void Mtu(NetlinkWriter w, uint sequence, int index, int mtu) =>
        w.Message(NewLink, Do, sequence).Fixed(new Link { Index = index }).Number(LinkMtu, mtu);

    public static void Mac(NetlinkWriter w, uint sequence, int index, ReadOnlySpan<byte> mac) =>
        w.Message(NewLink, Do, sequence).Fixed(new Link { Index = index }).Attribute(LinkMac, mac);

    public static void Port(NetlinkWriter w, uint sequence, int index, int bridge) =>
        w.Message(NewLink, Do, sequence).Fixed(new Link { Index = index }).Number(LinkMaster, bridge);

    public static void Hairpin(NetlinkWriter w, uint sequence, int index)
    {
        w.Message(NewLink + 3, Do, sequence).Fixed(new Link { Family = BridgeFamily, Index = index });     // RTM_SETLINK
        using (w.Inside(LinkPortInfo)) w.Byte(BridgePortHairpin, 1);
    }

    public static void Delete(NetlinkWriter w, uint sequence, int index) =>
        w.Message(DeleteLink, Do, sequence).Fixed(new Link { Index = index });

    public static void AddAddress(NetlinkWriter w, uint sequence, int index, IPAddress address, int prefixLength)
    {
        w.Message(NewAddress, Make, sequence).Fixed(AddressOf(index, address, prefixLength)).Address(AddressLocal, address).Address(AddressPeer, address);
        // An address that was leased here is not looked for on the wire first: it works at once.
        if (address.AddressFamily == AddressFamily.InterNetworkV6) w.Number(AddressFlags, NoDuplicateDetection);
    }

    public static void RemoveAddress(NetlinkWriter w, uint sequence, int index, IPAddress address, int prefixLength) =>
        w.Message(DeleteAddress, Do, sequence).Fixed(AddressOf(index, address, prefixLength)).Address(AddressLocal, address);

    public static void DefaultRoute(NetlinkWriter w, uint sequence, int index, IPAddress gateway) =>
        w.Message(NewRoute, Make, sequence)
            .Fixed(new Route { Family = FamilyOf(gateway), Table = (byte)NetworkRoute.MainTable, Protocol = 3, Kind = 1 })   // boot, unicast
            .Address(RouteGateway, gateway).Number(RouteInterface, index);

    private static Address AddressOf(int index, IPAddress address, int prefixLength) =>
        new() { Family = FamilyOf(address), PrefixLength = (byte)prefixLength, Index = index };

    private static byte FamilyOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? InterNetwork : InterNetwork6;

    [StructLayout(LayoutKind.Sequential)]
    private struct Link
    {
        public byte Family, Padding;
        public ushort Kind;
        public int Index;
        public uint Flags, Change;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Address
    {
        public byte Family, PrefixLength, Flags, Scope;
        public int Index;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Route
    {
        public byte Family, DestinationLength, SourceLength, Tos, Table, Protocol, Scope, Kind;
        public uint Flags;
    }
}
