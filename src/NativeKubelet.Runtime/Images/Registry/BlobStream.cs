using Microsoft.Extensions.Logging;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>An answer whose content is being read.</summary>
/// <param name="Start">Where in the blob the content begins; never behind what was asked for.</param>
internal sealed record BlobBody(HttpResponseMessage Response, Stream Content, long Start) : IDisposable
{
    public void Dispose() => Response.Dispose();
}

/// <summary>
/// A blob from an offset on, as if no connection ever broke: goes on where one ended, or where a host begins anew passes over
/// what was read. Forward only, asynchronous only, by one reader. Takes over the first body.
/// </summary>
/// <param name="open">Opens the blob at an offset, or before it.</param>
internal sealed class BlobStream(
    ContentDescriptor blob, long offset, BlobBody first, Func<long, CancellationToken, Task<BlobBody>> open, RegistrySettings settings, TimeProvider time, ILogger log) : Stream
{
    /// <summary>A connection that brought this much was no failure in a row; one that brings a byte each time would never end.</summary>
    private const long Worthwhile = 256 * 1024;

    private BlobBody? _body = first;
    private CancellationTokenSource _silent = new(settings.IdleTimeout, time);
    private long _at = first.Start, _position = offset, _opened = offset;
    private int _failures;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => blob.Size;
    public override long Position { get => _position; set => throw new NotSupportedException(); }

    /// <exception cref="IOException">It broke again and again.</exception>
    /// <exception cref="ImageException">It broke, and no host would go on with it.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            IOException broken;
            try
            {
                int count = await NextAsync(buffer, cancellationToken);
                // Bytes beyond the size are the reader's to refuse.
                if (count > 0 || buffer.IsEmpty || _position >= blob.Size)
                {
                    _position += count;
                    return count;
                }
                broken = new IOException("the connection ended early");
            }
            catch (IOException e)
            {
                broken = e;
            }
            await ResumeAsync(broken, cancellationToken);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _body?.Dispose();
            _silent.Dispose();
        }
        base.Dispose(disposing);
    }

    private async ValueTask<int> NextAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        while (true)
        {
            long before = _position - _at;
            int count = await ReadSomeAsync(before > 0 ? buffer[..(int)Math.Min(before, buffer.Length)] : buffer, cancel);
            _at += count;
            if (before == 0 || count == 0) return count;
        }
    }

    /// <summary>As <see cref="BoundedBody.ReadSomeAsync"/>, but with one timer for all of a blob's reads.</summary>
    private async ValueTask<int> ReadSomeAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        _silent.CancelAfter(settings.IdleTimeout);
        using CancellationTokenRegistration wanted = cancel.UnsafeRegister(static silent => ((CancellationTokenSource)silent!).Cancel(), _silent);
        try
        {
            return await _body!.Content.ReadAsync(buffer, _silent.Token);
        }
        catch (OperationCanceledException e)
        {
            cancel.ThrowIfCancellationRequested();
            throw new IOException($"nothing came for {settings.IdleTimeout.TotalSeconds:0} s", e);
        }
        finally
        {
            // A reader that takes its time between two reads is not the host's fault.
            _silent.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    private async Task ResumeAsync(IOException broken, CancellationToken cancel)
    {
        _body?.Dispose();
        _body = null;
        _failures = _position - _opened >= Worthwhile ? 1 : _failures + 1;
        if (settings.Retry.Wait(_failures, null, Random.Shared.NextDouble()) is not { } wait)
            throw new IOException($"blob {blob.Digest}: broke off {_failures} times, last at byte {_position} of {blob.Size}: {broken.Message}", broken);
        log.DownloadResumed(blob.Digest.Text, _position, blob.Size, broken.Message);
        await Task.Delay(wait, time, cancel);
        _body = await open(_position, cancel);
        (_at, _opened) = (_body.Start, _position);
        if (!_silent.IsCancellationRequested) return;
        _silent.Dispose();
        _silent = new(settings.IdleTimeout, time);
    }
}
