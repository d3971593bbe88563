using System.Buffers.Binary;

namespace NativeKubelet.Server.Streaming.Spdy;

internal enum SpdyFrameType : ushort
{
    SynStream = 1, SynReply, RstStream, Settings, Ping = 6, GoAway, Headers, WindowUpdate,
}

internal enum SpdyResetCode : uint
{
    ProtocolError = 1, InvalidStream, RefusedStream, UnsupportedVersion, Cancel, InternalError, FlowControlError, StreamInUse, StreamAlreadyClosed,
}

/// <summary>The eight bytes before every frame of SPDY/3.1: a control frame's type, or the stream that a data frame belongs to.</summary>
internal readonly record struct SpdyFrame(bool IsControl, SpdyFrameType Type, uint StreamId, byte Flags, int Length)
{
    public const int HeaderSize = 8, LargestLength = 0xff_ffff;
    public const byte Fin = 1;
    public const uint MostWindow = int.MaxValue, FirstWindow = 64 * 1024;

    private const ushort Version = 3;
    private const uint StreamMask = 0x7fff_ffff;
    private const uint InitialWindowSetting = 7;

    public bool IsLast => (Flags & Fin) != 0;

    /// <exception cref="SpdyException">A control frame of another version.</exception>
    public static SpdyFrame Parse(ReadOnlySpan<byte> header)
    {
        uint first = BinaryPrimitives.ReadUInt32BigEndian(header), second = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        byte flags = (byte)(second >> 24);
        int length = (int)(second & LargestLength);
        if (first >> 31 == 0) return new(false, 0, first, flags, length);
        int version = (int)(first >> 16) & 0x7fff;
        return version == Version ? new(true, (SpdyFrameType)(first & 0xffff), 0, flags, length) : throw new SpdyException($"a control frame of version {version}");
    }

    public static void WriteData(Span<byte> to, uint stream, int length, bool last)
    {
        BinaryPrimitives.WriteUInt32BigEndian(to, stream);
        BinaryPrimitives.WriteUInt32BigEndian(to[4..], (uint)length | (last ? 1u << 24 : 0));
    }

    public static byte[] Reply(uint stream, ReadOnlySpan<byte> headerBlock)
    {
        byte[] frame = Control(SpdyFrameType.SynReply, 4 + headerBlock.Length);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(HeaderSize), stream);
        headerBlock.CopyTo(frame.AsSpan(HeaderSize + 4));
        return frame;
    }

    public static byte[] Reset(uint stream, SpdyResetCode code) => Control(SpdyFrameType.RstStream, stream, (uint)code);

    public static byte[] WindowUpdate(uint stream, int bytes) => Control(SpdyFrameType.WindowUpdate, stream, (uint)bytes);

    public static byte[] GoAway(uint lastStream, bool fault) => Control(SpdyFrameType.GoAway, lastStream, fault ? 1u : 0);

    public static byte[] Ping(uint id)
    {
        byte[] frame = Control(SpdyFrameType.Ping, 4);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(HeaderSize), id);
        return frame;
    }

    /// <exception cref="SpdyException">The body is shorter.</exception>
    public static uint Word(ReadOnlySpan<byte> body, int index) => body.Length >= 4 * (index + 1)
        ? BinaryPrimitives.ReadUInt32BigEndian(body[(4 * index)..]) : throw new SpdyException("a control frame that is too short");

    public static uint StreamOf(ReadOnlySpan<byte> body) => Word(body, 0) & StreamMask;

    /// <returns>The window that a SETTINGS frame gives every stream; null where it says nothing of that.</returns>
    public static uint? InitialWindow(ReadOnlySpan<byte> settings)
    {
        uint? window = null;
        uint entries = Word(settings, 0);
        if (entries > (settings.Length - 4) / 8) throw new SpdyException("SETTINGS that are too short");
        for (int i = 0; i < entries; i++)
            if ((Word(settings, 1 + 2 * i) & LargestLength) == InitialWindowSetting) window = Word(settings, 2 + 2 * i);
        return window is null or <= MostWindow ? window : throw new SpdyException($"a window of {window} bytes");
    }

    private static byte[] Control(SpdyFrameType type, uint first, uint second)
    {
        byte[] frame = Control(type, 8);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(HeaderSize), first);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(HeaderSize + 4), second);
        return frame;
    }

    private static byte[] Control(SpdyFrameType type, int length)
    {
        byte[] frame = new byte[HeaderSize + length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, 1u << 31 | (uint)Version << 16 | (uint)type);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(4), (uint)length);
        return frame;
    }
}
