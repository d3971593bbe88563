using Microsoft.Win32.SafeHandles;

namespace NativeKubelet.Runtime.Images.Import;

/// <summary>A piece of a file as a stream of its own; several may read one file at the same time.</summary>
internal sealed class FileSlice(SafeFileHandle file, long offset, long length, bool ownsFile) : Stream
{
    private long _position;

    /// <summary>Told the position after each read.</summary>
    public Action<long>? Moved { get; set; }

    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => _position = value >= 0 && value <= length ? value : throw new ArgumentOutOfRangeException(nameof(value));
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.Length > length - _position) buffer = buffer[..(int)(length - _position)];
        int count = RandomAccess.Read(file, buffer, offset + _position);
        _position += count;
        Moved?.Invoke(_position);
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) =>
        Position = offset + (origin == SeekOrigin.Begin ? 0 : origin == SeekOrigin.Current ? _position : length);

    public override void Flush() { }
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && ownsFile) file.Dispose();
        base.Dispose(disposing);
    }
}
