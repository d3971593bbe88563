using System.IO.Pipelines;

namespace NativeKubelet.Tests.Unit.App.Server.Streaming;

/// <summary>Both ends of a connection that holds little: who writes waits for the reader.</summary>
internal static class Duplex
{
    private const int Holds = 16 * 1024;

    public static (Stream One, Stream Other) Create()
    {
        Pipe there = New(), back = New();
        return (new End(there.Reader, back.Writer), new End(back.Reader, there.Writer));
    }

    private static Pipe New() => new(new PipeOptions(pauseWriterThreshold: Holds, resumeWriterThreshold: Holds / 2, useSynchronizationContext: false));

    private sealed class End(PipeReader from, PipeWriter to) : Stream
    {
        private readonly Stream _from = from.AsStream(), _to = to.AsStream();

        public override bool CanRead => true;
        public override bool CanWrite => true;
        public override bool CanSeek => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _from.ReadAsync(buffer, cancellationToken);
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => _to.WriteAsync(buffer, cancellationToken);
        public override Task FlushAsync(CancellationToken cancellationToken) => _to.FlushAsync(cancellationToken);
        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            _to.Dispose();
            _from.Dispose();
            base.Dispose(disposing);
        }
    }
}
