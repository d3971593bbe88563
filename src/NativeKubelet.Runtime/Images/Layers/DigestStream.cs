using System.Security.Cryptography;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>Hashes and counts what is read through it. Takes over <paramref name="inner"/>.</summary>
internal sealed class DigestStream(Stream inner, HashAlgorithmName algorithm) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(algorithm);

    public long Count { get; private set; }

    /// <summary>Called with the count after each read; may throw to end an endless stream.</summary>
    public Action<long>? Progress { get; init; }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => Count; set => throw new NotSupportedException(); }

    /// <summary>Of all that was read so far, as lower-case hex.</summary>
    public string Hex => Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <summary>Reads what a decompressor left behind its last byte.</summary>
    public void Drain()
    {
        Span<byte> buffer = stackalloc byte[1024];
        while (Read(buffer) > 0) { }
    }

    public override int Read(Span<byte> buffer)
    {
        int count = inner.Read(buffer);
        _hash.AppendData(buffer[..count]);
        Count += count;
        if (count > 0) Progress?.Invoke(Count);
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            inner.Dispose();
        }
        base.Dispose(disposing);
    }
}
