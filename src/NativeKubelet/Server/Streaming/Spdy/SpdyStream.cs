using System.Collections.Immutable;

namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>A stream that the peer has opened. Whoever serves it disposes it; what the peer still sends then is dropped.</summary>
internal sealed class SpdyStream(SpdyConnection connection, uint id, ImmutableDictionary<string, string> headers, Inbox inbox) : IByteChannel, IDisposable
{
    private int _finished;

    public uint Id => id;

    /// <summary>As they came, names in lower case.</summary>
    public ImmutableDictionary<string, string> Headers => headers;

    internal Inbox Inbox => inbox;

    /// <summary>Both directions have ended.</summary>
    internal bool IsOver => _finished != 0 && inbox.IsFinished;

    public string Header(string name) => headers.GetValueOrDefault(name, "");

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        int count = await inbox.ReadAsync(buffer, cancel);
        connection.Consumed(this, count);
        return count;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancel) =>
        Volatile.Read(ref _finished) == 0 ? connection.SendAsync(this, data, cancel) : throw new IOException("the stream was reset");

    public async ValueTask FinishAsync(CancellationToken cancel)
    {
        if (Interlocked.Exchange(ref _finished, 1) == 0) await connection.FinishAsync(this, cancel);
    }

    /// <summary>Gives both directions up at once.</summary>
    public void Reset(SpdyResetCode code)
    {
        if (TryAbandon(new IOException("the stream was reset"))) connection.Post(SpdyFrame.Reset(id, code));
    }

    /// <summary>The inbox is closed by whoever read it: not before its last read has returned.</summary>
    public void Dispose()
    {
        Reset(SpdyResetCode.Cancel);
        inbox.Close();
    }

    /// <summary>As the peer wants it, or the connection's end.</summary>
    /// <returns>False when nothing of it was open any more.</returns>
    internal bool TryAbandon(IOException fault)
    {
        bool wasOpen = Interlocked.Exchange(ref _finished, 1) == 0 || !inbox.IsFinished;
        inbox.Finish(fault);
        connection.Forget(this);
        return wasOpen;
    }
}
