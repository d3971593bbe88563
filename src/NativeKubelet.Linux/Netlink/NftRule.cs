using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace NativeKubelet.Linux.Netlink;

/// <summary>
/// One rule, written condition by condition in the order in which the kernel tries them; what follows a condition is reached
/// only if it held. Addresses must be of the table's family. Written by <see cref="NftBatch.Rule"/>.
/// </summary>
public sealed class NftRule
{
    private const uint Equal = 0, NotEqual = 1, NetworkHeader = 1, TransportHeader = 2;
    private const uint IncomingName = 6, OutgoingName = 7, TransportProtocol = 16;
    private const uint ConnectionStatus = 2, DestinationTranslated = 0x20;
    private const uint AddressType = 3, OfDestination = 2, LocalType = 2;
    private const uint FullyRandom = 0x10, DestinationNat = 1;
    private const int InterfaceNameLength = 16;

    // A register has 16 bytes and is also four small ones; a concatenation fills neighbours, the first on a big one's start.
    private const uint Verdict = 0, First = 1, FirstSmall = 8;

    private readonly NetlinkWriter _writer;
    private readonly bool _ipv6;

    internal NftRule(NetlinkWriter writer, bool ipv6) => (_writer, _ipv6) = (writer, ipv6);

    private int AddressLength => _ipv6 ? 16 : 4;

    public NftRule From(string incomingInterface, bool equal = true) => Interface(IncomingName, incomingInterface, equal);

    public NftRule To(string outgoingInterface, bool equal = true) => Interface(OutgoingName, outgoingInterface, equal);

    public NftRule Source(IPAddress network, int prefixLength, bool equal = true) => Header(_ipv6 ? 8u : 12u, network, prefixLength, equal);

    public NftRule Destination(IPAddress network, int prefixLength, bool equal = true) => Header(_ipv6 ? 24u : 16u, network, prefixLength, equal);

    /// <summary>The destination is one of the machine's own addresses, whichever they are at that moment.</summary>
    public NftRule DestinationIsLocal()
    {
        Expression("fib", w => w.NetworkNumber(1, First).NetworkNumber(2, AddressType).NetworkNumber(3, OfDestination));
        Span<byte> local = stackalloc byte[4];
        BitConverter.TryWriteBytes(local, LocalType);
        return Compare(Equal, local);
    }

    /// <summary>The connection's destination was translated, by whomever.</summary>
    public NftRule DestinationWasTranslated()
    {
        Expression("ct", w => w.NetworkNumber(1, First).NetworkNumber(2, ConnectionStatus));
        Span<byte> mask = stackalloc byte[4], zero = stackalloc byte[4];
        BitConverter.TryWriteBytes(mask, DestinationTranslated);
        zero.Clear();
        Mask(mask);
        return Compare(NotEqual, zero);
    }

    public void Jump(string chain) => Immediate(Nft.JumpCode, chain);

    public void Drop() => Immediate(Nft.Drop, null);

    public void Accept() => Immediate(Nft.Accept, null);

    /// <summary>The source becomes the outgoing interface's address, with a random port where the kernel can.</summary>
    public void Masquerade() => Expression("masq", w => w.NetworkNumber(1, FullyRandom));

    /// <summary>Looks up protocol and destination port (and the destination address) and translates to what the map says.</summary>
    public void TranslateBy(string map, uint mapId, bool withAddress)
    {
        uint next = FirstSmall;
        if (withAddress)
        {
            Payload(NetworkHeader, _ipv6 ? 24u : 16u, (uint)AddressLength, First);
            next += (uint)AddressLength / 4;
        }
        uint protocol = next == FirstSmall ? First : next, port = next + 1;
        Expression("meta", w => w.NetworkNumber(1, protocol).NetworkNumber(2, TransportProtocol));
        Payload(TransportHeader, 2, 2, port);
        Expression("lookup", w => w.Text(1, map).NetworkNumber(2, First).NetworkNumber(3, First).NetworkNumber(4, mapId));
        uint dataPort = FirstSmall + (uint)AddressLength / 4, family = _ipv6 ? RouteMessage.InterNetwork6 : RouteMessage.InterNetwork;
        Expression("nat", w => w.NetworkNumber(1, DestinationNat).NetworkNumber(2, family)
            .NetworkNumber(3, First).NetworkNumber(4, First).NetworkNumber(5, dataPort).NetworkNumber(6, dataPort));
    }

    private NftRule Interface(uint key, string name, bool equal)
    {
        Expression("meta", w => w.NetworkNumber(1, First).NetworkNumber(2, key));
        byte[] padded = new byte[InterfaceNameLength];
        Encoding.UTF8.GetBytes(name, padded);
        return Compare(equal ? Equal : NotEqual, padded);
    }

    private NftRule Header(uint offset, IPAddress network, int prefixLength, bool equal)
    {
        Payload(NetworkHeader, offset, (uint)AddressLength, First);
        if (prefixLength < AddressLength * 8)
        {
            byte[] mask = new byte[AddressLength];
            for (int bit = 0; bit < prefixLength; bit++) mask[bit / 8] |= (byte)(0x80 >> (bit % 8));
            Mask(mask);
        }
        return Compare(equal ? Equal : NotEqual, network.GetAddressBytes());
    }

    private void Payload(uint header, uint offset, uint length, uint register) =>
        Expression("payload", w => w.NetworkNumber(1, register).NetworkNumber(2, header).NetworkNumber(3, offset).NetworkNumber(4, length));

    private NftRule Compare(uint operation, ReadOnlySpan<byte> value)
    {
        byte[] data = value.ToArray();
        Expression("cmp", w =>
        {
            w.NetworkNumber(1, First).NetworkNumber(2, operation);
            using (w.Inside(3)) w.Attribute(Nft.DataValue, data);
        });
        return this;
    }

    private void Mask(ReadOnlySpan<byte> bits)
    {
        byte[] mask = bits.ToArray();
        Expression("bitwise", w =>
        {
            w.NetworkNumber(1, First).NetworkNumber(2, First).NetworkNumber(3, (uint)mask.Length);
            using (w.Inside(4)) w.Attribute(Nft.DataValue, mask);
            using (w.Inside(5)) w.Attribute(Nft.DataValue, new byte[mask.Length]);
        });
    }

    private void Immediate(uint code, string? chain) => Expression("immediate", w =>
    {
        w.NetworkNumber(1, Verdict);
        using (w.Inside(2))
        using (w.Inside(Nft.DataVerdict))
        {
            w.NetworkNumber(Nft.VerdictCode, code);
            if (chain is not null) w.Text(Nft.VerdictChain, chain);
        }
    });

    private void Expression(string name, Action<NetlinkWriter> data)
    {
        using (_writer.Inside(Nft.ListItem))
        {
            _writer.Text(Nft.ExpressionName, name);
            using (_writer.Inside(Nft.ExpressionData)) data(_writer);
        }
    }

    internal static byte[] NetworkOrder(ushort value)
    {
        byte[] bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        return bytes;
    }
}
