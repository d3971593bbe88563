using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Netlink;

/// <summary>A flow as connection tracking remembers it (nf_conntrack_netlink).</summary>
/// <param name="Protocol">Its IP number: 6 TCP, 17 UDP.</param>
/// <param name="Destination">Where the first packet was sent to.</param>
/// <param name="Answerer">Who answers: another one where the destination was translated.</param>
/// <param name="Tuple">The kernel's own description of the first packet, to name the flow by.</param>
/// <param name="Id">The kernel's number of the flow, as received.</param>
public sealed record TrackedFlow(byte Protocol, IPAddress Destination, ushort DestinationPort, IPAddress Answerer, byte[] Tuple, byte[] Id)
{
    /// <returns>Null when the message tells of no flow with addresses and ports.</returns>
    public static TrackedFlow? Parse(NetlinkMessage message)
    {
        if (message.Type != (Flows.Subsystem << 8 | Flows.New)) return null;
        byte[] tuple = [], id = [];
        IPAddress? destination = null, answerer = null;
        byte protocol = 0;
        ushort port = 0;
        foreach (NetlinkAttribute attribute in message.Attributes(Nft.Header))
            switch (attribute.Type)
            {
                case Flows.Original:
                    tuple = attribute.Value.ToArray();
                    (_, destination, protocol, port) = Ends(attribute);
                    break;
                case Flows.Reply:
                    (answerer, _, _, _) = Ends(attribute);
                    break;
                case Flows.Identity:
                    id = attribute.Value.ToArray();
                    break;
            }
        return destination is null || answerer is null ? null : new(protocol, destination, port, answerer, tuple, id);
    }

    private static (IPAddress? Source, IPAddress? Destination, byte Protocol, ushort Port) Ends(NetlinkAttribute tuple)
    {
        IPAddress? source = null, destination = null;
        byte protocol = 0;
        ushort port = 0;
        foreach (NetlinkAttribute part in tuple.Inside)
            foreach (NetlinkAttribute field in part.Inside)
                switch ((part.Type, field.Type))
                {
                    case (Flows.Addresses, 1 or 3): source = field.Address; break;             // CTA_IP_V4_SRC, V6_SRC
                    case (Flows.Addresses, 2 or 4): destination = field.Address; break;        // CTA_IP_V4_DST, V6_DST
                    case (Flows.Ports, 1) when field.Value.Length >= 1: protocol = field.Value[0]; break;
                    case (Flows.Ports, 3) when field.Value.Length >= 2: port = BinaryPrimitives.ReadUInt16BigEndian(field.Value); break;
                }
        return (source, destination, protocol, port);
    }
}

/// <summary>Connection tracking of the network namespace in which it was opened (conntrack(8), without the program).</summary>
public sealed class FlowSocket : IDisposable
{
    private readonly NetlinkSocket _socket;

    private FlowSocket(NetlinkSocket socket) => _socket = socket;

    /// <exception cref="ErrnoException">EPROTONOSUPPORT: no netfilter in this kernel.</exception>
    public static FlowSocket Open() => new(NetlinkSocket.Open(NetlinkProtocol.Netfilter));

    /// <summary>The next packet of such a flow is looked at as if it were the first.</summary>
    /// <returns>How many were forgotten.</returns>
    /// <exception cref="ErrnoException">The kernel does not let connection tracking be seen.</exception>
    public int Forget(AddressFamily family, Func<TrackedFlow, bool> which)
    {
        List<TrackedFlow> found = [];
        uint envelope = NftBatch.Envelope(family == AddressFamily.InterNetworkV6 ? RouteMessage.InterNetwork6 : RouteMessage.InterNetwork, 0);
        _socket.Dump((w, n) => w.Message(Flows.Subsystem << 8 | Flows.Get, NetlinkFlags.Request | NetlinkFlags.Dump, n).Fixed(envelope), "list of tracked flows", found.Clear, message =>
        {
            if (TrackedFlow.Parse(message) is { } flow && which(flow)) found.Add(flow);
        });
        return found.Count(flow => Forget(flow, envelope));
    }

    public void Dispose() => _socket.Dispose();

    private bool Forget(TrackedFlow flow, uint envelope)
    {
        try
        {
            _socket.Request((w, n) => w.Message(Flows.Subsystem << 8 | Flows.Delete, NetlinkFlags.Request | NetlinkFlags.Acknowledge, n).Fixed(envelope)
                .Attribute(Flows.Original | Flows.Nested, flow.Tuple).Attribute(Flows.Identity, flow.Id), $"tracked flow to {flow.Destination}:{flow.DestinationPort}");
            return true;
        }
        catch (ErrnoException e) when (e.Errno == Errno.ENOENT)
        {
            return false;       // it ended by itself
        }
    }
}

/// <summary>Numbers of linux/netfilter/nfnetlink_conntrack.h.</summary>
internal static class Flows
{
    public const ushort Subsystem = 1, Original = 1, Reply = 2, Identity = 12, Addresses = 1, Ports = 2, Nested = 0x8000;
    public const byte New = 0, Get = 1, Delete = 2;
}
