using System.Buffers.Binary;
using System.Text;

namespace NativeKubelet.Core.Probes;

/// <summary>
/// The one question and answer of grpc.health.v1.Health/Check, in gRPC's framing: a flag, four bytes of length, protobuf.
/// </summary>
public static class HealthMessage
{
    private const int FrameHead = 5;
    private static readonly string[] Names = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

    /// <param name="service">Empty: the server as a whole.</param>
    public static byte[] Question(string service)
    {
        byte[] name = Encoding.UTF8.GetBytes(service);
        List<byte> message = [];
        if (name.Length > 0)
        {
            message.Add(0x0A);      // field 1, a text
            for (uint rest = (uint)name.Length; ; rest >>= 7)
            {
                message.Add((byte)(rest < 0x80 ? rest : rest | 0x80));
                if (rest < 0x80) break;
            }
            message.AddRange(name);
        }
        byte[] frame = new byte[FrameHead + message.Count];
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)message.Count);
        message.CopyTo(frame, FrameHead);
        return frame;
    }

    /// <returns>SERVING, or what it is instead.</returns>
    /// <exception cref="FormatException">This is no such answer.</exception>
    public static string Answer(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < FrameHead || frame[0] != 0) throw new FormatException("the answer is no uncompressed gRPC message");
        uint length = BinaryPrimitives.ReadUInt32BigEndian(frame[1..]);
        if (length > frame.Length - FrameHead) throw new FormatException("the answer is cut short");
        ReadOnlySpan<byte> message = frame.Slice(FrameHead, (int)length);
        ulong status = 0;
        while (!message.IsEmpty)
        {
            ulong tag = Number(ref message);
            switch (tag & 7)
            {
                case 0 when tag >> 3 == 1: status = Number(ref message); break;
                case 0: Number(ref message); break;
                case 1: Skip(ref message, 8); break;
                case 2: Skip(ref message, Number(ref message)); break;
                case 5: Skip(ref message, 4); break;
                default: throw new FormatException("the answer is no protobuf message");
            }
        }
        return status < (ulong)Names.Length ? Names[status] : status.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private static ulong Number(ref ReadOnlySpan<byte> message)
    {
        ulong value = 0;
        for (int i = 0; i < 10; i++)
        {
            if (i == message.Length) break;
            value |= (ulong)(message[i] & 0x7F) << (7 * i);
            if (message[i] >= 0x80) continue;
            message = message[(i + 1)..];
            return value;
        }
        throw new FormatException("the answer is cut short");
    }

    private static void Skip(ref ReadOnlySpan<byte> message, ulong count) =>
        message = count <= (ulong)message.Length ? message[(int)count..] : throw new FormatException("the answer is cut short");
}
