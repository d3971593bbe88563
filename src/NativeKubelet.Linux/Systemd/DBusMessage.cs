using System.Buffers.Binary;

namespace NativeKubelet.Linux.Systemd;

public enum DBusKind : byte { Call = 1, Return = 2, Error = 3, Signal = 4 }

/// <summary>One message (D-Bus Specification, "Message Format"). What a header field does not say is the empty text or 0.</summary>
/// <param name="Body">Marshalled as <paramref name="Signature"/> says, in the byte order of <see cref="BigEndian"/>.</param>
public sealed record DBusMessage(
    DBusKind Kind, uint Serial, string Path, string Interface, string Member, string Signature, ReadOnlyMemory<byte> Body)
{
    /// <summary>No header is shorter: it tells the length of the whole.</summary>
    public const int FixedHeader = 16;

    /// <summary>What the manager tells us is a few hundred bytes; more than this is not for us.</summary>
    public const int MostBytes = 1 << 20;

    private const byte PathField = 1, InterfaceField = 2, MemberField = 3, ErrorField = 4, ReplyField = 5, DestinationField = 6, SignatureField = 8;

    public string Destination { get; init; } = "";

    public string ErrorName { get; init; } = "";

    /// <summary>Serial of the call that this answers.</summary>
    public uint ReplyTo { get; init; }

    public bool BigEndian { get; init; }

    public DBusReader Read() => new(Body.Span, BigEndian);

    public byte[] ToBytes()
    {
        DBusWriter writer = new();
        writer.Byte((byte)'l');
        writer.Byte((byte)Kind);
        writer.Byte(0);
        writer.Byte(1);
        writer.UInt32((uint)Body.Length);
        writer.UInt32(Serial);
        writer.Array(8, fields =>
        {
            Field(fields, PathField, "o", Path);
            Field(fields, InterfaceField, "s", Interface);
            Field(fields, MemberField, "s", Member);
            Field(fields, ErrorField, "s", ErrorName);
            if (ReplyTo != 0)
            {
                fields.Align(8);
                fields.Byte(ReplyField);
                fields.Signature("u");
                fields.UInt32(ReplyTo);
            }
            Field(fields, DestinationField, "s", Destination);
            Field(fields, SignatureField, "g", Signature);
        });
        writer.Align(8);
        writer.Raw(Body.Span);
        return writer.Written.ToArray();
    }

    /// <param name="header">The first <see cref="FixedHeader"/> bytes.</param>
    /// <returns>How many bytes the whole message has.</returns>
    /// <exception cref="InvalidDataException">It is no message, or too large a one.</exception>
    public static int LengthOf(ReadOnlySpan<byte> header)
    {
        if (header.Length < FixedHeader) throw new InvalidDataException("a D-Bus message is cut short");
        bool bigEndian = header[0] switch { (byte)'l' => false, (byte)'B' => true, _ => throw new InvalidDataException("what came is no D-Bus message") };
        uint body = Number(header[4..], bigEndian), fields = Number(header[12..], bigEndian);
        long whole = FixedHeader + (((long)fields + 7) & ~7) + body;
        return header[3] == 1 && whole <= MostBytes ? (int)whole : throw new InvalidDataException($"a D-Bus message of version {header[3]} with {whole} bytes is not for this program");
    }

    /// <param name="bytes">Exactly one message.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static DBusMessage Parse(ReadOnlySpan<byte> bytes)
    {
        if (LengthOf(bytes) != bytes.Length) throw new InvalidDataException("a D-Bus message is not as long as it says");
        bool bigEndian = bytes[0] == 'B';
        uint bodyLength = Number(bytes[4..], bigEndian), fieldsLength = Number(bytes[12..], bigEndian);
        DBusMessage message = new((DBusKind)bytes[1], Number(bytes[8..], bigEndian), "", "", "", "", bytes[^(int)bodyLength..].ToArray()) { BigEndian = bigEndian };
        // Alignment counts from the message's start, of which the fields are a multiple of eight away.
        DBusReader fields = new(bytes.Slice(FixedHeader, (int)fieldsLength), bigEndian);
        while (!fields.AtEnd)
        {
            fields.Align(8);
            byte field = fields.Byte();
            message = (field, fields.Signature()) switch
            {
                (PathField, "o") => message with { Path = fields.String() },
                (InterfaceField, "s") => message with { Interface = fields.String() },
                (MemberField, "s") => message with { Member = fields.String() },
                (ErrorField, "s") => message with { ErrorName = fields.String() },
                (ReplyField, "u") => message with { ReplyTo = fields.UInt32() },
                (DestinationField, "s") => message with { Destination = fields.String() },
                (SignatureField, "g") => message with { Signature = fields.Signature() },
                (_, "s" or "o") => Skip(message, fields.String()),
                (_, "u") => Skip(message, fields.UInt32()),
                (_, "g") => Skip(message, fields.Signature()),
                (_, var type) => throw new InvalidDataException($"header field {field} of a D-Bus message has type \"{type}\""),
            };
        }
        return message;
    }

    private static DBusMessage Skip(DBusMessage message, object _) => message;

    private static uint Number(ReadOnlySpan<byte> bytes, bool bigEndian) =>
        bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static void Field(DBusWriter writer, byte field, string type, string value)
    {
        if (value.Length == 0) return;
        writer.Align(8);
        writer.Byte(field);
        writer.Signature(type);
        if (type == "g") writer.Signature(value);
        else writer.String(value);
    }
}
