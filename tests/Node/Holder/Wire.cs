using System.Runtime.InteropServices;
using System.Text;

namespace NativeKubelet.Tests.Node.Holder;

/// <summary>
/// A message in the numbers of the protocol's first release (1.0), written down apart from the product's own tables: what was
/// said once between agent and holder must be understood by every later 1.x, and these lines never change.
/// </summary>
public sealed record Wire(ushort Type, ulong Request, params (ushort Tag, object Value)[] Fields)
{
    public const ushort Hello = 1, StartPause = 2, Run = 3, Exec = 4, Attach = 5, Detach = 6, Resize = 7, CloseStdin = 8, Rotate = 9, Signal = 10, List = 11, Ack = 12, Quit = 13,
        Reply = 64, Started = 80, StartFailed = 81, Exited = 82, PauseExited = 83, LogDropped = 84;

    public const ushort Id = 1, ExecId = 2, Arg = 3, Env = 4, PidFile = 5, ExitFile = 6, OomFile = 7, LogName = 8, LogMaxSize = 9, LogMaxFiles = 10, Console = 11, Flags = 12,
        Error = 13, Text = 14, Pid = 15, Event = 16, Code = 17, SignalNumber = 18, Finished = 19, OomKills = 20, Lost = 21, Namespaces = 22, Hostname = 23, Entry = 30, Next = 31,
        Dropped = 32, State = 33, Client = 34, PausePid = 35;

    private const uint Magic = 0x314b4e48;
    private const int HeaderLength = 24;

    public ushort Minor { get; init; }

    public bool Has(ushort tag) => Fields.Any(f => f.Tag == tag);

    public ulong Number(ushort tag) => BitConverter.ToUInt64((byte[])Fields.First(f => f.Tag == tag).Value);

    public string Word(ushort tag) => Encoding.UTF8.GetString((byte[])Fields.First(f => f.Tag == tag).Value).TrimEnd('\0');

    public byte[] ToBytes()
    {
        byte[] fields = [.. Fields.SelectMany(f => Field(f.Tag, f.Value switch
        {
            string text => Encoding.UTF8.GetBytes(text + "\0"),
            byte[] bytes => bytes,
            int number => BitConverter.GetBytes((ulong)number),
            ulong number => BitConverter.GetBytes(number),
            _ => throw new ArgumentException($"field {f.Tag} is of no known kind"),
        }))];
        byte[] packet = new byte[HeaderLength + fields.Length];
        MemoryMarshal.Write(packet, Magic);
        MemoryMarshal.Write(packet.AsSpan(4), (ushort)1);
        MemoryMarshal.Write(packet.AsSpan(6), Minor);
        MemoryMarshal.Write(packet.AsSpan(8), Type);
        MemoryMarshal.Write(packet.AsSpan(12), fields.Length);
        MemoryMarshal.Write(packet.AsSpan(16), Request);
        fields.CopyTo(packet, HeaderLength);
        return packet;
    }

    public static Wire Read(ReadOnlySpan<byte> packet)
    {
        Assert.Equal(Magic, MemoryMarshal.Read<uint>(packet));
        Assert.Equal((ushort)1, MemoryMarshal.Read<ushort>(packet[4..]));
        Assert.Equal(packet.Length - HeaderLength, MemoryMarshal.Read<int>(packet[12..]));
        List<(ushort, object)> fields = [];
        for (ReadOnlySpan<byte> rest = packet[HeaderLength..]; !rest.IsEmpty; rest = rest[(4 + MemoryMarshal.Read<ushort>(rest[2..]))..])
            fields.Add((MemoryMarshal.Read<ushort>(rest), rest.Slice(4, MemoryMarshal.Read<ushort>(rest[2..])).ToArray()));
        return new(MemoryMarshal.Read<ushort>(packet[8..]), MemoryMarshal.Read<ulong>(packet[16..]), [.. fields]) { Minor = MemoryMarshal.Read<ushort>(packet[6..]) };
    }

    private static byte[] Field(ushort tag, byte[] value) => [.. BitConverter.GetBytes(tag), .. BitConverter.GetBytes((ushort)value.Length), .. value];
}
