using System.Buffers;
using System.Buffers.Text;

namespace NativeKubelet.Server.Streaming.WebSockets;

/// <summary>Takes one message of a channel protocol apart as its pieces come, so that a message of any size needs no memory.</summary>
internal sealed class ChannelMessage(ChannelProtocol protocol)
{
    private const byte CloseSignal = 255;
    private const int Group = 4;        // characters of base64 that stand for three bytes

    private readonly byte[] _undecoded = new byte[Group];
    private byte[] _decoded = [];
    private int _channel, _left;
    private bool _begun, _closing;

    /// <param name="Channel">-1: the piece says nothing.</param>
    /// <param name="Closes">The client ends the channel.</param>
    /// <param name="Payload">Valid until the next piece.</param>
    public readonly record struct Part(int Channel, bool Closes, ReadOnlyMemory<byte> Payload);

    /// <param name="last">The message ends here.</param>
    /// <exception cref="FormatException">Not what the protocol knows.</exception>
    public Part Take(ReadOnlyMemory<byte> piece, bool last)
    {
        if (!_begun && piece.Length > 0)
        {
            byte first = piece.Span[0];
            (_begun, _closing, _channel, _left) = (true, protocol.Closes && first == CloseSignal, protocol.Base64 ? first - '0' : first, 0);
            if (_closing) _channel = -1;
            piece = piece[1..];
        }
        Part part = Payload(piece, last);
        if (last) _begun = false;
        return part;
    }

    private Part Payload(ReadOnlyMemory<byte> piece, bool last)
    {
        if (_closing)
        {
            if (piece.Length > 1 || (piece.Length == 1 && _channel >= 0)) throw new FormatException("a close signal with more than a channel");
            if (piece.Length == 1) _channel = piece.Span[0];
            if (!last) return new(-1, false, default);
            _closing = false;
            return _channel >= 0 ? new(_channel, true, default) : throw new FormatException("a close signal without a channel");
        }
        return !_begun || _channel < 0 ? new(-1, false, default) : new(_channel, false, protocol.Base64 ? Decode(piece.Span, last) : piece);
    }

    private ReadOnlyMemory<byte> Decode(ReadOnlySpan<byte> text, bool last)
    {
        byte[] all = [.. _undecoded.AsSpan(0, _left), .. text];
        int whole = all.Length / Group * Group;
        _left = all.Length - whole;
        if (last && _left > 0) throw new FormatException("base64 that is cut off");
        all.AsSpan(whole).CopyTo(_undecoded);
        if (_decoded.Length < whole) _decoded = new byte[whole];
        return Base64.DecodeFromUtf8(all.AsSpan(0, whole), _decoded, out int read, out int written) == OperationStatus.Done && read == whole
            ? _decoded.AsMemory(0, written) : throw new FormatException("a payload that is no base64");
    }
}
