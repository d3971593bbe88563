using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NativeKubelet.Linux.Netlink;

/// <summary>Where connections to a port of the machine go.</summary>
/// <param name="HostAddress">Null: every address of the machine.</param>
/// <param name="Protocol">Its IP number: 6 TCP, 17 UDP, 132 SCTP.</param>
/// <param name="Comment">Shown by nft(8); at most 126 bytes are kept.</param>
public sealed record PortTranslation(IPAddress? HostAddress, byte Protocol, ushort HostPort, IPAddress Address, ushort Port, string Comment);

/// <summary>
/// A transaction on one nf_tables table: the kernel makes all of it true at one moment, or none. Tables are of one family,
/// as translation in mixed ones came only with Linux 5.2. Built here as bytes, sent by <see cref="NftSocket"/>.
/// </summary>
public sealed class NftBatch
{
    private const NetlinkFlags Do = NetlinkFlags.Request;
    private const int ElementsPerMessage = 128;

    private readonly NetlinkWriter _writer;
    private readonly string _table;
    private readonly AddressFamily _family;
    private uint _sequence;
    private uint _lastMap;

    internal NftBatch(NetlinkWriter writer, uint first, string table, AddressFamily family)
    {
        (_writer, _sequence, _table, _family) = (writer, first, table, family);
        _writer.Message(Nft.BatchBegin, Do, _sequence).Fixed(Envelope(0, Nft.Subsystem));
    }

    private bool Ipv6 => _family == AddressFamily.InterNetworkV6;

    /// <summary>The table as it is goes away, if there is one.</summary>
    public void DropTable()
    {
        // Deleting what is not there fails, making what is there does not.
        AddTable();
        Message(Nft.DeleteTable, NetlinkFlags.None).Text(Nft.TableName, _table);
    }

    public void AddTable() => Message(Nft.NewTable, NetlinkFlags.Create).Text(Nft.TableName, _table);

    /// <param name="type">"nat" or "filter".</param>
    public void AddChain(string name, string type, NftHook hook, int priority)
    {
        Message(Nft.NewChain, NetlinkFlags.Create).Text(Nft.ChainTable, _table).Text(Nft.ChainName, name);
        using (_writer.Inside(Nft.ChainHook))
            _writer.NetworkNumber(Nft.HookNumber, (uint)hook).NetworkNumber(Nft.HookPriority, (uint)priority);
        _writer.NetworkNumber(Nft.ChainPolicy, Nft.Accept).Text(Nft.ChainType, type);
    }

    /// <summary>One that others jump to.</summary>
    public void AddChain(string name) =>
        Message(Nft.NewChain, NetlinkFlags.Create).Text(Nft.ChainTable, _table).Text(Nft.ChainName, name);

    /// <summary>From (address,) protocol and port to address and port.</summary>
    /// <returns>The number by which rules of this batch name it.</returns>
    public uint AddPortMap(string name, bool withAddress)
    {
        uint address = Ipv6 ? Nft.Ipv6Type : Nft.Ipv4Type, addressLength = Ipv6 ? 16u : 4u;
        uint key = (Nft.ProtocolType << 6) | Nft.ServiceType;
        Message(Nft.NewSet, NetlinkFlags.Create).Text(Nft.SetTable, _table).Text(Nft.SetName, name)
            .NetworkNumber(Nft.SetFlags, Nft.MapFlag)
            .NetworkNumber(Nft.SetKeyType, withAddress ? (address << 12) | key : key)
            .NetworkNumber(Nft.SetKeyLength, withAddress ? addressLength + 8 : 8)
            .NetworkNumber(Nft.SetDataType, (address << 6) | Nft.ServiceType)
            .NetworkNumber(Nft.SetDataLength, addressLength + 4)
            .NetworkNumber(Nft.SetId, ++_lastMap);
        return _lastMap;
    }

    /// <summary>No two of them may have the same key: the whole transaction would be refused.</summary>
    public void AddPorts(string map, uint mapId, IEnumerable<PortTranslation> ports)
    {
        foreach (PortTranslation[] some in ports.Chunk(ElementsPerMessage))
        {
            Message(Nft.NewElements, NetlinkFlags.Create).Text(Nft.ElementsTable, _table).Text(Nft.ElementsSet, map).NetworkNumber(Nft.ElementsSetId, mapId);
            using (_writer.Inside(Nft.Elements))
                foreach (PortTranslation port in some) Element(port);
        }
    }

    /// <summary>Appends a rule to a chain.</summary>
    public void Rule(string chain, Action<NftRule> write)
    {
        Message(Nft.NewRule, NetlinkFlags.Create | NetlinkFlags.Append).Text(Nft.RuleTable, _table).Text(Nft.RuleChain, chain);
        using (_writer.Inside(Nft.RuleExpressions)) write(new NftRule(_writer, Ipv6));
    }

    /// <returns>The number of the last message that is acknowledged.</returns>
    internal uint Finish()
    {
        // Only new kernels acknowledge the end of a batch, so the last change does.
        _writer.Acknowledge();
        uint last = _sequence;
        _writer.Message(Nft.BatchEnd, Do, _sequence + 1).Fixed(Envelope(0, Nft.Subsystem));
        return last;
    }

    private void Element(PortTranslation port)
    {
        Span<byte> key = stackalloc byte[16 + 8], data = stackalloc byte[16 + 4];
        key.Clear();
        data.Clear();
        int length = 0;
        if (port.HostAddress is { } host) host.TryWriteBytes(key, out length);
        key[length] = port.Protocol;
        NftRule.NetworkOrder(port.HostPort).CopyTo(key[(length + 4)..]);
        port.Address.TryWriteBytes(data, out int dataLength);
        NftRule.NetworkOrder(port.Port).CopyTo(data[dataLength..]);
        using (_writer.Inside(Nft.ListItem))
        {
            using (_writer.Inside(Nft.ElementKey)) _writer.Attribute(Nft.DataValue, key[..(length + 8)]);
            using (_writer.Inside(Nft.ElementData)) _writer.Attribute(Nft.DataValue, data[..(dataLength + 4)]);
            _writer.Attribute(Nft.ElementUserData, Comment(port.Comment));
        }
    }

    /// <summary>As nft(8) stores it: kind 0, a length, the text with its NUL.</summary>
    private static byte[] Comment(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int length = Math.Min(bytes.Length, Nft.CommentLimit);
        byte[] data = new byte[length + 3];
        data[1] = (byte)(length + 1);
        bytes.AsSpan(0, length).CopyTo(data.AsSpan(2));
        return data;
    }

    private NetlinkWriter Message(byte type, NetlinkFlags flags) =>
        _writer.Message((ushort)(Nft.Subsystem << 8 | type), Do | flags, ++_sequence)
            .Fixed(Envelope(Ipv6 ? RouteMessage.InterNetwork6 : RouteMessage.InterNetwork, 0));

    /// <summary>struct nfgenmsg: family, version 0, and the subsystem in network order.</summary>
    internal static uint Envelope(byte family, ushort resource)
    {
        Span<byte> bytes = [family, 0, (byte)(resource >> 8), (byte)resource];
        return BitConverter.ToUInt32(bytes);
    }
}
