using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;

namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>
/// The server's end of a SPDY/3.1 connection over any duplex stream. One loop reads frames and never waits for anything but
/// room; one writes. What the peer sends is held in a bounded room for all of its streams together; a peer that breaks the
/// protocol is told so and loses the connection.
/// </summary>
/// <param name="transport">Stays the caller's.</param>
/// <param name="offer">Takes a new stream, or refuses it with false; called on the reading loop, so it must not wait.</param>
internal sealed class SpdyConnection(Stream transport, Func<SpdyStream, bool> offer, TimeProvider time) : IDisposable
{
    public const int MostStreams = 1024;

    private const int Room = 1024 * 1024, ReadSize = 32 * 1024, LargestControl = 64 * 1024, ConsumedStep = 32 * 1024;

    /// <summary>For what is still on its way when one side has said goodbye.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private readonly SpdySender _sender = new(transport);
    private readonly SendWindows _windows = new();
    private readonly ByteRoom _room = new(Room);
    private readonly ConcurrentDictionary<uint, SpdyStream> _streams = new();
    private readonly Dictionary<uint, long> _consumed = [];
    private readonly HeaderBlock _headers = new();
    private readonly EmptyHeaderBlocks _replies = new();
    private readonly CancellationTokenSource _gone = new();
    private uint _lastStream;
    private volatile bool _closing;

    /// <summary>Fires when the peer has left or was thrown out.</summary>
    public CancellationToken Gone => _gone.Token;

    /// <summary>Why the peer was thrown out; null when it was not.</summary>
    public string? Fault { get; private set; }

    /// <summary>Serves the connection until the peer leaves, breaks the protocol, or <see cref="Close"/> was called and everything is sent.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task sending = _sender.RunAsync(ending.Token), reading = ReadAsync(ending.Token);
        await Task.WhenAny(sending, reading);
        if (reading.IsCompleted)
        {
            if (reading.Exception?.InnerException is SpdyException fault)
            {
                Fault = fault.Message;
                Answer(SpdyFrame.GoAway(_lastStream, fault: true));
            }
            _sender.Complete();
        }
        IOException lost = new("the client has left");
        if (!_closing || sending.IsFaulted) await _gone.CancelAsync();
        foreach (SpdyStream stream in _streams.Values) stream.TryAbandon(lost);
        _windows.End();
        // A peer that has not read the last words yet would lose them if its own were left unread.
        await Task.WhenAll(sending, reading).WaitAsync(Farewell, time, CancellationToken.None).ContinueWith(static _ => { }, TaskScheduler.Default);
        await ending.CancelAsync();
        await Task.WhenAll(sending, reading).ContinueWith(static _ => { }, TaskScheduler.Default);
        await _gone.CancelAsync();
    }

    /// <summary>Says goodbye behind everything that was sent; then <see cref="RunAsync"/> ends.</summary>
    public void Close()
    {
        _closing = true;
        Answer(SpdyFrame.GoAway(_lastStream, fault: false));
        _sender.Complete();
        _room.Lift();
    }

    /// <summary>Only when <see cref="RunAsync"/> has ended.</summary>
    public void Dispose() => _gone.Dispose();

    internal void Post(byte[] frame) => Answer(frame);

    internal void Forget(SpdyStream stream)
    {
        _streams.TryRemove(new(stream.Id, stream));
        lock (_consumed) _consumed.Remove(stream.Id);
        _windows.Close(stream.Id);
    }

    internal async ValueTask SendAsync(SpdyStream stream, ReadOnlyMemory<byte> data, CancellationToken cancel)
    {
        while (!data.IsEmpty)
        {
            int count = await _windows.TakeAsync(stream.Id, Math.Min(data.Length, SpdySender.LargestData), cancel);
            if (!_streams.ContainsKey(stream.Id)) throw new IOException("the stream was reset");
            await _sender.SendAsync(stream.Id, data[..count], last: false, cancel);
            data = data[count..];
        }
    }

    internal async ValueTask FinishAsync(SpdyStream stream, CancellationToken cancel)
    {
        try
        {
            await _sender.SendAsync(stream.Id, default, last: true, cancel);
        }
        catch (IOException)
        {
            // The peer is gone; it needs no end.
        }
        if (stream.IsOver) Forget(stream);
    }

    /// <summary>Enlarges the peer's windows by what was read; in steps, and later where the peer does not even take these words.</summary>
    internal void Consumed(SpdyStream stream, int count)
    {
        if (count == 0) return;
        if (!stream.Inbox.IsFinished) Credit(stream.Id, count);
        Credit(0, count);
    }

    private void Credit(uint stream, int count)
    {
        lock (_consumed)
        {
            long due = Math.Min(_consumed.GetValueOrDefault(stream) + count, SpdyFrame.MostWindow);
            bool told = due >= ConsumedStep && _sender.TryPost(SpdyFrame.WindowUpdate(stream, (int)due));
            _consumed[stream] = told ? 0 : due;
        }
    }

    private void Answer(byte[] frame)
    {
        try
        {
            _sender.Post(frame);
        }
        catch (SpdyException)
        {
            // The connection ends by the same thing on the reading side.
        }
    }

    private async Task ReadAsync(CancellationToken cancel)
    {
        PipeReader input = PipeReader.Create(transport, new StreamPipeReaderOptions(bufferSize: ReadSize, leaveOpen: true));
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAtLeastAsync(SpdyFrame.HeaderSize, cancel);
                if (read.Buffer.Length < SpdyFrame.HeaderSize) return;
                SpdyFrame frame = SpdyFrame.Parse(Contiguous(read.Buffer.Slice(0, SpdyFrame.HeaderSize)));
                input.AdvanceTo(read.Buffer.GetPosition(SpdyFrame.HeaderSize));
                if (frame.IsControl) await ReadControlAsync(input, frame, cancel);
                else await ReadDataAsync(input, frame, cancel);
            }
        }
        catch (EndOfStreamException)
        {
            // The peer left in the middle of a frame.
        }
        finally
        {
            await input.CompleteAsync();
        }
    }

    private async Task ReadControlAsync(PipeReader input, SpdyFrame frame, CancellationToken cancel)
    {
        if (frame.Length > LargestControl) throw new SpdyException($"a control frame of {frame.Length} bytes");
        ReadResult read = await input.ReadAtLeastAsync(frame.Length, cancel);
        if (read.Buffer.Length < frame.Length) throw new EndOfStreamException();
        ReadOnlySequence<byte> body = read.Buffer.Slice(0, frame.Length);
        Handle(frame, Contiguous(body));
        input.AdvanceTo(body.End);
    }

    private async Task ReadDataAsync(PipeReader input, SpdyFrame frame, CancellationToken cancel)
    {
        SpdyStream? stream = _streams.GetValueOrDefault(frame.StreamId);
        if (stream is null && (frame.StreamId == 0 || frame.StreamId > _lastStream)) throw new SpdyException($"data for stream {frame.StreamId}, which was never opened");
        if (stream?.Inbox.IsFinished == true) stream = null;
        for (int left = frame.Length; left > 0;)
        {
            ReadResult read = await input.ReadAsync(cancel);
            if (read.Buffer.IsEmpty) throw new EndOfStreamException();
            ReadOnlyMemory<byte> piece = read.Buffer.First;
            if (piece.Length > left) piece = piece[..left];
            if (stream is not null && !_closing) await stream.Inbox.PutAsync(piece, cancel);
            else Credit(0, piece.Length);
            input.AdvanceTo(read.Buffer.GetPosition(piece.Length));
            left -= piece.Length;
        }
        if (frame.IsLast && stream is not null) EndInput(stream);
    }

    private void EndInput(SpdyStream stream)
    {
        stream.Inbox.Finish(null);
        if (stream.IsOver) Forget(stream);
    }

    private void Handle(SpdyFrame frame, ReadOnlySpan<byte> body)
    {
        switch (frame.Type)
        {
            case SpdyFrameType.SynStream:
                Open(frame, body);
                break;
            case SpdyFrameType.RstStream:
                if (_streams.TryGetValue(SpdyFrame.StreamOf(body), out SpdyStream? reset)) reset.TryAbandon(new IOException("the client has reset the stream"));
                break;
            case SpdyFrameType.Settings:
                if (SpdyFrame.InitialWindow(body) is { } window) _windows.SetFirst(window);
                break;
            case SpdyFrameType.Ping:
                // The even ones are answers to ours, and there are none.
                if ((SpdyFrame.Word(body, 0) & 1) != 0) _sender.Post(SpdyFrame.Ping(SpdyFrame.Word(body, 0)));
                break;
            case SpdyFrameType.WindowUpdate:
                Enlarge(SpdyFrame.StreamOf(body), SpdyFrame.Word(body, 1));
                break;
            case SpdyFrameType.Headers or SpdyFrameType.SynReply:
                // Nothing depends on them, but the compressed stream goes through them.
                _ = _headers.Read(body.Length >= 4 ? body[4..] : throw new SpdyException("HEADERS that are too short"));
                if (frame.IsLast && _streams.TryGetValue(SpdyFrame.StreamOf(body), out SpdyStream? ended)) EndInput(ended);
                break;
            default:
                // GOAWAY: what is open goes on until its streams end. Others are to be ignored.
                break;
        }
    }

    private void Open(SpdyFrame frame, ReadOnlySpan<byte> body)
    {
        const int fixedPart = 10;
        if (body.Length < fixedPart) throw new SpdyException("a SYN_STREAM that is too short");
        uint id = SpdyFrame.StreamOf(body);
        var headers = _headers.Read(body[fixedPart..]);
        if ((id & 1) == 0 || id <= _lastStream) throw new SpdyException($"stream {id} opened behind stream {_lastStream}");
        _lastStream = id;
        SpdyStream stream = new(this, id, headers, new Inbox(_room));
        if (frame.IsLast) stream.Inbox.Finish(null);
        _windows.Open(id);
        _streams[id] = stream;
        if (_closing || _streams.Count > MostStreams)
        {
            Refuse(stream);
            return;
        }
        // The answer goes out first: whoever takes the stream may write to it at once.
        _sender.Post(SpdyFrame.Reply(id, _replies.Next()));
        if (!offer(stream)) Refuse(stream);
    }

    private void Refuse(SpdyStream stream)
    {
        stream.TryAbandon(new IOException("the stream was refused"));
        _sender.Post(SpdyFrame.Reset(stream.Id, SpdyResetCode.RefusedStream));
    }

    private void Enlarge(uint stream, uint by)
    {
        if (by is 0 or > SpdyFrame.MostWindow) throw new SpdyException($"a window enlarged by {by} bytes");
        if (_windows.TryEnlarge(stream, by)) return;
        if (stream == 0) throw new SpdyException("a session window larger than there can be");
        if (!_streams.TryGetValue(stream, out SpdyStream? overflown)) return;
        overflown.TryAbandon(new IOException("the client let the stream's window overflow"));
        _sender.Post(SpdyFrame.Reset(stream, SpdyResetCode.FlowControlError));
    }

    private static ReadOnlySpan<byte> Contiguous(ReadOnlySequence<byte> bytes) => bytes.IsSingleSegment ? bytes.FirstSpan : bytes.ToArray();
}
