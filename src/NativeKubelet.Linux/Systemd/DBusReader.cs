using System.Buffers.Binary;
using System.Text;

namespace NativeKubelet.Linux.Systemd;

/// <summary>Reads marshalled values back. Whatever the bytes are, it stays within them.</summary>
/// <exception cref="InvalidDataException">The bytes are no such value.</exception>
public ref struct DBusReader(ReadOnlySpan<byte> bytes, bool bigEndian = false)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at;

    public readonly bool AtEnd => _at >= _bytes.Length;

    public readonly int Position => _at;

    public void Align(int boundary) => Take(-_at & (boundary - 1));

    public byte Byte() => Take(1)[0];

    public uint UInt32()
    {
        Align(4);
        ReadOnlySpan<byte> value = Take(4);
        return bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(value) : BinaryPrimitives.ReadUInt32LittleEndian(value);
    }

    /// <summary>A string or an object path.</summary>
    public string String() => Text(UInt32());

    public string Signature() => Text(Byte());

    private string Text(uint length)
    {
        if (length >= int.MaxValue) throw Cut();
        ReadOnlySpan<byte> text = Take((int)length);
        if (Byte() != 0) throw new InvalidDataException("a D-Bus string does not end where it should");
        return Encoding.UTF8.GetString(text);
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _at) throw Cut();
        _at += count;
        return _bytes.Slice(_at - count, count);
    }

    private static InvalidDataException Cut() => new("a D-Bus message is cut short");
}
