using System.Runtime.InteropServices;
using System.Text;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>Writes one message; the format is that of native/PROTOCOL.md.</summary>
internal sealed class HolderMessageWriter
{
    // Most messages have some hundred bytes; it grows up to what a holder takes.
    private byte[] _bytes = new byte[512];
    private int _length = HolderProtocol.HeaderSize;

    public HolderMessageWriter(HolderMessageType type) => MemoryMarshal.Write(_bytes.AsSpan(8), (ushort)type);

    /// <exception cref="ArgumentException">The message would be larger than a holder takes.</exception>
    public HolderMessageWriter Number(HolderTag tag, ulong value)
    {
        MemoryMarshal.Write(Field(tag, sizeof(ulong)), value);
        return this;
    }

    /// <summary>Null adds nothing.</summary>
    /// <exception cref="ArgumentException">A NUL byte within, too long, or no room left in the message.</exception>
    public HolderMessageWriter Text(HolderTag tag, string? value)
    {
        if (value is null) return this;
        if (value.Contains('\0')) throw new ArgumentException($"{tag} contains a NUL byte");
        int length = Encoding.UTF8.GetByteCount(value);
        int most = HolderMessage.LongestText(tag);
        if (length > most) throw new ArgumentException($"{tag} has {length} bytes, at most {most} are possible: {value}");
        Span<byte> field = Field(tag, length + 1);
        Encoding.UTF8.GetBytes(value, field);
        field[length] = 0;
        return this;
    }

    public HolderMessageWriter Texts(HolderTag tag, IReadOnlyCollection<string> values, int most)
    {
        if (values.Count > most) throw new ArgumentException($"{values.Count} values of {tag}, at most {most} are possible");
        foreach (string value in values) Text(tag, value);
        return this;
    }

    public ReadOnlyMemory<byte> Finish(ulong request)
    {
        MemoryMarshal.Write(_bytes, HolderProtocol.Magic);
        MemoryMarshal.Write(_bytes.AsSpan(4), HolderProtocol.Major);
        MemoryMarshal.Write(_bytes.AsSpan(6), HolderProtocol.Minor);
        MemoryMarshal.Write(_bytes.AsSpan(12), (uint)(_length - HolderProtocol.HeaderSize));
        MemoryMarshal.Write(_bytes.AsSpan(16), request);
        return _bytes.AsMemory(0, _length);
    }

    private Span<byte> Field(HolderTag tag, int length)
    {
        int end = _length + HolderProtocol.FieldHeaderSize + length;
        if (end > HolderProtocol.MaxMessage) throw new ArgumentException($"the message is larger than {HolderProtocol.MaxMessage} bytes");
        if (end > _bytes.Length) Array.Resize(ref _bytes, Math.Min(HolderProtocol.MaxMessage, Math.Max(end, 2 * _bytes.Length)));
        MemoryMarshal.Write(_bytes.AsSpan(_length), (ushort)tag);
        MemoryMarshal.Write(_bytes.AsSpan(_length + 2), (ushort)length);
        Span<byte> field = _bytes.AsSpan(_length + HolderProtocol.FieldHeaderSize, length);
        _length = end;
        return field;
    }
}

/// <summary>A decoded message: its fields in order, unknown ones left out.</summary>
internal sealed record HolderMessage(HolderMessageType Type, ushort Minor, ulong Request, IReadOnlyList<HolderField> Fields)
{
    public ulong Number(HolderTag tag) => Fields.FirstOrDefault(f => f.Tag == tag)?.Value ?? 0;

    public string Text(HolderTag tag) => Fields.FirstOrDefault(f => f.Tag == tag)?.Text ?? "";

    /// <summary>Pure: bytes of one packet in, a message out.</summary>
    /// <returns>Null when the bytes are no message of this major version.</returns>
    public static HolderMessage? Decode(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < HolderProtocol.HeaderSize
            || MemoryMarshal.Read<uint>(packet) != HolderProtocol.Magic
            || MemoryMarshal.Read<ushort>(packet[4..]) != HolderProtocol.Major
            || MemoryMarshal.Read<uint>(packet[12..]) != packet.Length - HolderProtocol.HeaderSize)
            return null;

        List<HolderField> fields = [];
        ReadOnlySpan<byte> rest = packet[HolderProtocol.HeaderSize..];
        while (!rest.IsEmpty)
        {
            if (rest.Length < HolderProtocol.FieldHeaderSize) return null;
            HolderTag tag = (HolderTag)MemoryMarshal.Read<ushort>(rest);
            int length = MemoryMarshal.Read<ushort>(rest[2..]);
            rest = rest[HolderProtocol.FieldHeaderSize..];
            if (length > rest.Length) return null;
            if (Enum.IsDefined(tag))
            {
                if (Field(tag, rest[..length]) is not { } field) return null;
                fields.Add(field);
            }
            rest = rest[length..];
        }
        return new HolderMessage(
            (HolderMessageType)MemoryMarshal.Read<ushort>(packet[8..]), MemoryMarshal.Read<ushort>(packet[6..]),
            MemoryMarshal.Read<ulong>(packet[16..]), fields);
    }

    internal static int LongestText(HolderTag tag) => tag switch
    {
        HolderTag.Id or HolderTag.ExecId => HolderProtocol.MaxId,
        HolderTag.Console => HolderProtocol.MaxConsolePath,
        HolderTag.PidFile or HolderTag.ExitFile or HolderTag.OomFile => HolderProtocol.MaxPath,
        HolderTag.LogName => 200,
        _ => HolderProtocol.MaxMessage,
    };

    private static HolderField? Field(HolderTag tag, ReadOnlySpan<byte> value)
    {
        if (IsText(tag))
            return value.IndexOf((byte)0) == value.Length - 1 && value.Length > 0
                ? new HolderField(tag, 0, Encoding.UTF8.GetString(value[..^1])) : null;
        return value.Length == sizeof(ulong) ? new HolderField(tag, MemoryMarshal.Read<ulong>(value), "") : null;
    }

    private static bool IsText(HolderTag tag) => tag is HolderTag.Id or HolderTag.ExecId or HolderTag.Arg or HolderTag.Env
        or HolderTag.PidFile or HolderTag.ExitFile or HolderTag.OomFile or HolderTag.LogName or HolderTag.Console or HolderTag.Text
        or HolderTag.Hostname or HolderTag.Sysctl or HolderTag.UidMap or HolderTag.GidMap or HolderTag.Cgroup;
}

/// <summary>One field: a number or a text, by its tag.</summary>
internal sealed record HolderField(HolderTag Tag, ulong Value, string Text);
