using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace NativeKubelet.Linux.Netlink;

/// <summary>Flags of a netlink message (netlink(7)). In answers to requests the higher bits mean other things.</summary>
[Flags]
public enum NetlinkFlags : ushort
{
    None = 0, Request = 0x1, Multipart = 0x2, Acknowledge = 0x4, DumpInterrupted = 0x10,
    Exclusive = 0x200, Dump = 0x300, Create = 0x400, Append = 0x800,
}

/// <summary>
/// Builds netlink messages, one after the other, in one growing buffer. Headers are in the machine's byte order; nf_tables
/// wants its numbers in the network's, for which there are methods of their own.
/// </summary>
public sealed class NetlinkWriter
{
    public const int HeaderLength = 16;
    private const int AttributeHeader = 4, NestedFlag = 0x8000;

    private byte[] _buffer = new byte[512];
    private int _length;
    private int _message = -1;

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    /// <summary>Starts a message and ends the one before.</summary>
    public NetlinkWriter Message(ushort type, NetlinkFlags flags, uint sequence)
    {
        End();
        _message = _length;
        Span<byte> head = Take(HeaderLength);
        MemoryMarshal.Write(head[4..], type);
        MemoryMarshal.Write(head[6..], (ushort)flags);
        MemoryMarshal.Write(head[8..], sequence);
        return this;
    }

    /// <summary>Fills in the length of the message that is open, if one is.</summary>
    public void End()
    {
        if (_message >= 0) MemoryMarshal.Write(_buffer.AsSpan(_message), _length - _message);
        _message = -1;
    }

    /// <summary>Asks for an answer to the message that is open.</summary>
    public void Acknowledge() => _buffer[_message + 6] |= (byte)NetlinkFlags.Acknowledge;

    /// <summary>The family's fixed header, behind the message's.</summary>
    public NetlinkWriter Fixed<T>(T header) where T : unmanaged
    {
        MemoryMarshal.Write(Take(Marshal.SizeOf<T>()), header);
        return this;
    }

    /// <exception cref="ArgumentException">Longer than the 16 bit of a length.</exception>
    public NetlinkWriter Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        int length = AttributeHeader + value.Length;
        if (length > ushort.MaxValue) throw new ArgumentException($"netlink attribute {type} of {value.Length} bytes is too long");
        Span<byte> place = Take(length);
        MemoryMarshal.Write(place, (ushort)length);
        MemoryMarshal.Write(place[2..], type);
        value.CopyTo(place[AttributeHeader..]);
        return this;
    }

    public NetlinkWriter Number(ushort type, uint value) => Attribute(type, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in value)));

    public NetlinkWriter Number(ushort type, int value) => Number(type, (uint)value);

    public NetlinkWriter Byte(ushort type, byte value) => Attribute(type, new ReadOnlySpan<byte>(in value));

    public NetlinkWriter NetworkNumber(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Attribute(type, bytes);
    }

    /// <summary>With the terminating NUL.</summary>
    public NetlinkWriter Text(ushort type, string value) => Attribute(type, Encoding.UTF8.GetBytes(value + "\0"));

    public NetlinkWriter Address(ushort type, IPAddress address) => Attribute(type, address.GetAddressBytes());

    /// <summary>Attributes written until the scope is disposed are inside this one.</summary>
    public Nest Inside(ushort type)
    {
        int start = _length;
        Span<byte> place = Take(AttributeHeader);
        MemoryMarshal.Write(place[2..], (ushort)(type | NestedFlag));
        return new Nest(this, start);
    }

    private Span<byte> Take(int count)
    {
        int aligned = (count + 3) & ~3;
        if (_length + aligned > _buffer.Length) Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + aligned));
        Span<byte> place = _buffer.AsSpan(_length, aligned);
        place.Clear();
        _length += aligned;
        return place;
    }

    private void Close(int start)
    {
        int length = _length - start;
        if (length > ushort.MaxValue) throw new ArgumentException($"nested netlink attribute of {length} bytes is too long");
        MemoryMarshal.Write(_buffer.AsSpan(start), (ushort)length);
    }

    public readonly ref struct Nest(NetlinkWriter writer, int start)
    {
        public void Dispose() => writer.Close(start);
    }
}
