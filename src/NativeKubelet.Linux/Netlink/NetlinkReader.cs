using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace NativeKubelet.Linux.Netlink;

/// <summary>One message as received. Bodies are read without trust in their lengths: what is cut off is left out.</summary>
public readonly ref struct NetlinkMessage(ushort type, NetlinkFlags flags, uint sequence, uint port, ReadOnlySpan<byte> body)
{
    public const ushort NoOperation = 1, Error = 2, Done = 3;

    // NLM_F_CAPPED: the request is not repeated in the answer. NLM_F_ACK_TLVS: attributes explain the error.
    private const ushort Capped = 0x100, Explained = 0x200;

    public ushort Type { get; } = type;
    public NetlinkFlags Flags { get; } = flags;
    public uint Sequence { get; } = sequence;

    /// <summary>The socket whose request caused the message; 0 for the kernel itself.</summary>
    public uint Port { get; } = port;

    public ReadOnlySpan<byte> Body { get; } = body;

    /// <summary>The errno of an Error or Done message; 0 is an acknowledgement.</summary>
    public int Errno => Body.Length >= 4 ? -MemoryMarshal.Read<int>(Body) : 0;

    public NetlinkAttributes Attributes(int fixedLength) => new(fixedLength <= Body.Length ? Body[fixedLength..] : default);

    /// <summary>The kernel's own sentence about an error, where it has one (NLMSGERR_ATTR_MSG, Linux 4.12).</summary>
    public string? Explanation
    {
        get
        {
            if (Type != Error || ((ushort)Flags & Explained) == 0 || Body.Length < 4 + NetlinkWriter.HeaderLength) return null;
            int skip = 4 + (((ushort)Flags & Capped) != 0 ? NetlinkWriter.HeaderLength : Padded(MemoryMarshal.Read<int>(Body[4..])));
            if (skip < 0 || skip > Body.Length) return null;
            foreach (NetlinkAttribute attribute in new NetlinkAttributes(Body[skip..]))
                if (attribute.Type == 1) return attribute.Text;
            return null;
        }
    }

    private static int Padded(int length) => length is < 0 or > 1 << 24 ? -1 : (length + 3) & ~3;
}

/// <summary>The messages of one datagram; ends at the first whose length cannot be true.</summary>
public ref struct NetlinkMessages(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    public NetlinkMessage Current { get; private set; }

    public readonly NetlinkMessages GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_rest.Length < NetlinkWriter.HeaderLength) return false;
        uint length = MemoryMarshal.Read<uint>(_rest);
        if (length < NetlinkWriter.HeaderLength || length > _rest.Length) return false;
        Current = new NetlinkMessage(
            MemoryMarshal.Read<ushort>(_rest[4..]), (NetlinkFlags)MemoryMarshal.Read<ushort>(_rest[6..]),
            MemoryMarshal.Read<uint>(_rest[8..]), MemoryMarshal.Read<uint>(_rest[12..]), _rest[NetlinkWriter.HeaderLength..(int)length]);
        _rest = _rest[Math.Min((int)(length + 3) & ~3, _rest.Length)..];
        return true;
    }
}

/// <summary>A typed value. Values that are shorter than asked for read as zero, empty or null.</summary>
public readonly ref struct NetlinkAttribute(ushort type, ReadOnlySpan<byte> value)
{
    /// <summary>Without the flags for nesting and byte order.</summary>
    public ushort Type { get; } = (ushort)(type & 0x3fff);

    public ReadOnlySpan<byte> Value { get; } = value;

    public uint Number => Value.Length >= 4 ? MemoryMarshal.Read<uint>(Value) : 0;

    public uint NetworkNumber => Value.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(Value) : 0;

    public string Text
    {
        get
        {
            int end = Value.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
        }
    }

    /// <summary>Null unless it has the length of an IPv4 or IPv6 address.</summary>
    public IPAddress? Address => Value.Length is 4 or 16 ? new IPAddress(Value) : null;

    public NetlinkAttributes Inside => new(Value);
}

/// <summary>A row of attributes; ends at the first whose length cannot be true.</summary>
public ref struct NetlinkAttributes(ReadOnlySpan<byte> data)
{
    private ReadOnlySpan<byte> _rest = data;

    public NetlinkAttribute Current { get; private set; }

    public readonly NetlinkAttributes GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_rest.Length < 4) return false;
        ushort length = MemoryMarshal.Read<ushort>(_rest);
        if (length < 4 || length > _rest.Length) return false;
        Current = new NetlinkAttribute(MemoryMarshal.Read<ushort>(_rest[2..]), _rest[4..length]);
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }
}
