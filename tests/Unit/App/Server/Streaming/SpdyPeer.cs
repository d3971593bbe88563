using System.Buffers.Binary;
using System.Text;

namespace NativeKubelet.Tests.Unit.App.Server.Streaming;

/// <summary>A client of SPDY/3.1 that shares no code with the server: frames by hand, headers in stored blocks.</summary>
internal sealed class SpdyPeer(Stream connection) : IDisposable
{
    public const ushort SynStream = 1, SynReply = 2, RstStream = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 9;

    private bool _begun;

    /// <param name="Type">0: data.</param>
    /// <param name="Stream">Of data; the first word of a control frame.</param>
    public sealed record Frame(ushort Type, uint Stream, byte Flags, byte[] Payload)
    {
        public uint Word(int index) => BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(4 * index));
    }

    public async Task SendAsync(params byte[][] frames)
    {
        foreach (byte[] frame in frames) await connection.WriteAsync(frame, TestContext.Current.CancellationToken);
    }

    public Task OpenAsync(uint id, bool fin = false, params (string Name, string Value)[] headers) => SendAsync(Syn(id, Block(headers), fin));

    public static byte[] Syn(uint id, byte[] block, bool fin = false) =>
        Control(SynStream, [.. Word(id), .. Word(0), 0, 0, .. block], (byte)(fin ? 1 : 0));

    public static byte[] Data(uint id, byte[] data, bool fin = false) => [.. Word(id), (byte)(fin ? 1 : 0), .. Word((uint)data.Length)[1..], .. data];

    public static byte[] Control(ushort type, byte[] payload, byte flags = 0) =>
        [0x80, 3, .. Word(type)[2..], flags, .. Word((uint)payload.Length)[1..], .. payload];

    public static byte[] Words(ushort type, params uint[] words) => Control(type, [.. words.SelectMany(Word)]);

    /// <returns>Null at the connection's end.</returns>
    public async Task<Frame?> NextAsync()
    {
        byte[] head = new byte[8];
        int got = await connection.ReadAtLeastAsync(head, 8, throwOnEndOfStream: false, TestContext.Current.CancellationToken);
        if (got < 8) return null;
        byte[] payload = new byte[BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(4)) & 0xffffff];
        await connection.ReadExactlyAsync(payload, TestContext.Current.CancellationToken);
        uint first = BinaryPrimitives.ReadUInt32BigEndian(head);
        if (first >> 31 == 0) return new(0, first, head[4], payload);
        Assert.Equal(0x8003u, first >> 16);
        return new((ushort)first, BinaryPrimitives.ReadUInt32BigEndian(payload), head[4], payload);
    }

    /// <summary>The next frame that is none of the window's.</summary>
    public async Task<Frame?> NextOtherAsync()
    {
        Frame? frame;
        do frame = await NextAsync();
        while (frame?.Type == WindowUpdate);
        return frame;
    }

    /// <summary>What comes on a stream until it ends.</summary>
    public async Task<byte[]> ToEndAsync(uint id)
    {
        List<byte> all = [];
        while (await NextAsync() is { } frame)
        {
            if (frame.Stream != id || frame.Type != 0) continue;
            all.AddRange(frame.Payload);
            if ((frame.Flags & 1) != 0) break;
        }
        return [.. all];
    }

    public void Dispose() => connection.Dispose();

    public byte[] Block(params (string Name, string Value)[] headers)
    {
        byte[] plain = [.. Word((uint)headers.Length), .. headers.SelectMany(h => (byte[])[.. Text(h.Name), .. Text(h.Value)])];
        byte[] stored = [0, (byte)plain.Length, (byte)(plain.Length >> 8), (byte)~plain.Length, (byte)(~plain.Length >> 8), .. plain, 0, 0, 0, 0xff, 0xff];
        byte[] block = _begun ? stored : [0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2, .. stored];
        _begun = true;
        return block;
    }

    private static byte[] Text(string text) => [.. Word((uint)text.Length), .. Encoding.ASCII.GetBytes(text)];

    private static byte[] Word(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
