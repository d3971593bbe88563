namespace NativeKubelet.Server.Streaming;

/// <summary>A connection that is closed when for some time nothing went through it in either direction.</summary>
/// <param name="inner">Stays the caller's.</param>
internal sealed class IdleStream(Stream inner, TimeProvider time) : Stream
{
    private long _last = time.GetTimestamp();

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Completes when nothing went through for so long.</summary>
    /// <param name="limit">Zero or less: never.</param>
    public async Task IdleForAsync(TimeSpan limit, CancellationToken cancel)
    {
        if (limit <= TimeSpan.Zero) await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
        for (TimeSpan left; (left = limit - time.GetElapsedTime(Volatile.Read(ref _last))) > TimeSpan.Zero;) await Task.Delay(left, time, cancel);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = await inner.ReadAsync(buffer, cancellationToken);
        Touch();
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await inner.WriteAsync(buffer, cancellationToken);
        await inner.FlushAsync(cancellationToken);
        Touch();
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void Touch() => Volatile.Write(ref _last, time.GetTimestamp());
}
