using System.Buffers.Binary;
using System.Text;

namespace NativeKubelet.Linux.Systemd;

/// <summary>Marshals values as D-Bus does (D-Bus Specification, "Marshaling"): little endian, each at a multiple of its own size.</summary>
public sealed class DBusWriter
{
    private byte[] _bytes = new byte[256];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Align(int boundary)
    {
        int padding = -Length & (boundary - 1);
        Take(padding).Clear();
    }

    public void Byte(byte value) => Take(1)[0] = value;

    public void UInt32(uint value)
    {
        Align(4);
        BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);
    }

    public void UInt64(ulong value)
    {
        Align(8);
        BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);
    }

    public void Boolean(bool value) => UInt32(value ? 1u : 0);

    /// <summary>A string or an object path. Units' names are ours, so one with a NUL is a fault of this program.</summary>
    public void String(string value)
    {
        if (value.Contains('\0')) throw new ArgumentException("D-Bus strings hold no NUL", nameof(value));
        UInt32((uint)Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, Take(Encoding.UTF8.GetByteCount(value)));
        Byte(0);
    }

    public void Signature(string value)
    {
        Byte(checked((byte)value.Length));
        Encoding.ASCII.GetBytes(value, Take(value.Length));
        Byte(0);
    }

    /// <param name="boundary">Of the elements: their padding is not counted.</param>
    public void Array(int boundary, Action<DBusWriter> elements)
    {
        UInt32(0);
        int counter = Length - 4;
        Align(boundary);
        int start = Length;
        elements(this);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(counter), (uint)(Length - start));
    }

    public void Raw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    private Span<byte> Take(int count)
    {
        if (Length + count > _bytes.Length) System.Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        Length += count;
        return _bytes.AsSpan(Length - count, count);
    }
}
