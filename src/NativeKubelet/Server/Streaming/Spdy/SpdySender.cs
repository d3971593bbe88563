using System.Buffers;
using System.Threading.Channels;

namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>
/// The sending half of a connection: one queue of whole frames in the order in which streams asked, and one loop that writes
/// them. Data waits outside while a quarter of a MiB is under way; answers to the peer's own frames never wait, and a peer that
/// asks for thousands of them without reading any loses the connection.
/// </summary>
internal sealed class SpdySender(Stream transport)
{
    public const int LargestData = 32 * 1024;

    private const int Budget = 256 * 1024, MostAnswers = 2048, ManyAnswers = 64;

    private readonly Channel<Outgoing> _queue = Channel.CreateUnbounded<Outgoing>(new() { SingleReader = true });
    private readonly ByteRoom _room = new(Budget);
    private int _answers;

    /// <summary>Queues a control frame.</summary>
    /// <exception cref="SpdyException">Far too many wait already.</exception>
    public void Post(byte[] frame)
    {
        if (Interlocked.Increment(ref _answers) > MostAnswers) throw new SpdyException("it wants answers and reads none");
        _queue.Writer.TryWrite(new(frame, frame.Length, IsData: false));
    }

    /// <summary>Queues a control frame that may as well be sent later.</summary>
    /// <returns>False when many wait already.</returns>
    public bool TryPost(byte[] frame)
    {
        if (Volatile.Read(ref _answers) > ManyAnswers) return false;
        Post(frame);
        return true;
    }

    /// <param name="data">At most <see cref="LargestData"/> bytes; copied.</param>
    /// <exception cref="IOException">The connection has ended.</exception>
    public async ValueTask SendAsync(uint stream, ReadOnlyMemory<byte> data, bool last, CancellationToken cancel)
    {
        int length = SpdyFrame.HeaderSize + data.Length;
        await _room.TakeAsync(length, cancel);
        byte[] frame = ArrayPool<byte>.Shared.Rent(length);
        SpdyFrame.WriteData(frame, stream, data.Length, last);
        data.Span.CopyTo(frame.AsSpan(SpdyFrame.HeaderSize));
        if (_queue.Writer.TryWrite(new(frame, length, IsData: true))) return;
        ArrayPool<byte>.Shared.Return(frame);
        throw new IOException("the connection has ended");
    }

    /// <summary>What is queued is still written, then the loop ends.</summary>
    public void Complete() => _queue.Writer.TryComplete();

    /// <exception cref="IOException">The transport broke.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            await foreach (Outgoing frame in _queue.Reader.ReadAllAsync(cancel))
            {
                await transport.WriteAsync(frame.Bytes.AsMemory(0, frame.Length), cancel);
                if (!frame.IsData)
                {
                    Interlocked.Decrement(ref _answers);
                    continue;
                }
                ArrayPool<byte>.Shared.Return(frame.Bytes);
                _room.Give(frame.Length);
            }
            await transport.FlushAsync(cancel);
        }
        finally
        {
            Complete();
            _room.Lift();
        }
    }

    private readonly record struct Outgoing(byte[] Bytes, int Length, bool IsData);
}
