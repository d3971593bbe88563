using System.Buffers;
using System.IO.Pipelines;

namespace NativeKubelet.Server.Streaming;

/// <summary>What a client has sent into one stream and nobody has read yet. The room that it takes is shared by all streams of a connection.</summary>
internal sealed class Inbox(ByteRoom room)
{
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
    private readonly Lock _gate = new();
    private IOException? _fault;
    private bool _finished;

    /// <summary>True once the client has said that nothing more comes, or nobody cares any more.</summary>
    public bool IsFinished
    {
        get
        {
            lock (_gate) return _finished;
        }
    }

    /// <summary>Keeps a copy; waits while the connection holds too much. What nobody will read is dropped.</summary>
    /// <param name="data">At most the room's size.</param>
    public async ValueTask PutAsync(ReadOnlyMemory<byte> data, CancellationToken cancel)
    {
        if (IsFinished) return;
        await room.TakeAsync(data.Length, cancel);
        lock (_gate)
        {
            if (!_finished)
            {
                _pipe.Writer.Write(data.Span);
                // Completes at once: the pipe itself has no bound.
                _ = _pipe.Writer.FlushAsync(CancellationToken.None).AsTask();
                return;
            }
        }
        room.Give(data.Length);
    }

    /// <summary>Nothing more comes.</summary>
    /// <param name="fault">What the reader gets behind the data; null: the end.</param>
    public void Finish(IOException? fault)
    {
        lock (_gate)
        {
            if (_finished) return;
            (_finished, _fault) = (true, fault);
            _pipe.Writer.Complete();
        }
    }

    /// <inheritdoc cref="IByteChannel.ReadAsync"/>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        ReadResult result = await _pipe.Reader.ReadAsync(cancel);
        ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(buffer.Length, result.Buffer.Length));
        int count = (int)taken.Length;
        taken.CopyTo(buffer.Span);
        _pipe.Reader.AdvanceTo(taken.End);
        room.Give(count);
        return count == 0 && _fault is { } fault ? throw fault : count;
    }

    /// <summary>By the reader, when it reads no more: gives back what lies here, and what is still to come is dropped.</summary>
    public void Close()
    {
        Finish(null);
        if (_pipe.Reader.TryRead(out ReadResult rest))
        {
            room.Give(rest.Buffer.Length);
            _pipe.Reader.AdvanceTo(rest.Buffer.End);
        }
        _pipe.Reader.Complete();
    }
}
