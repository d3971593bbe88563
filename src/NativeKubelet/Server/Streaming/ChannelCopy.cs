using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Server.Streaming;

/// <summary>Carries bytes between a client's streams and the ends of a command that this process holds.</summary>
internal static class ChannelCopy
{
    private const int BufferSize = 32 * 1024;
    private const byte EndOfInput = 0x04;       // Ctrl-D, which a terminal takes for the end

    /// <summary>A child that the command left behind may hold the output open for ever; what it wrote itself is there by now.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(500);

    /// <summary>Copies until the writers have closed, or until nothing more comes after <paramref name="ended"/>.</summary>
    /// <param name="from">Closed at the end, so that a writer whose client has left learns of it.</param>
    /// <param name="to">Null: nobody wants it, and the writer must not be held up.</param>
    public static async Task OutAsync(FileDescriptor? from, IByteChannel? to, Task ended, TimeProvider time, CancellationToken cancel)
    {
        if (from is null) return;
        Pipe.SetNonBlocking(from);
        byte[] buffer = new byte[BufferSize];
        try
        {
            while (true)
            {
                int count = Pipe.Read(from, buffer);
                if (count == 0) return;
                if (count > 0)
                {
                    if (to is not null) await to.WriteAsync(buffer.AsMemory(0, count), cancel);
                }
                else if (!await ReadableAsync(from, ended, time, cancel)) return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException || e is ErrnoException { Errno: Errno.EIO })
        {
            // The client has left. EIO: the last process behind a terminal has closed it.
        }
        finally
        {
            from.Dispose();
        }
    }

    /// <summary>Copies until the client says that nothing more comes, or the command reads no more.</summary>
    /// <param name="terminal">Stays open; its end is typed. A pipe is closed.</param>
    public static async Task InAsync(IByteChannel? from, FileDescriptor? to, bool terminal, CancellationToken cancel)
    {
        if (from is null) return;
        byte[] buffer = new byte[BufferSize];
        try
        {
            if (to is not null) await InAsync(from, to, terminal, buffer, cancel);
            // What nobody reads would otherwise fill the room of the client's other streams.
            while (await from.ReadAsync(buffer, cancel) > 0) { }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has left, or everything has ended.
        }
        finally
        {
            if (!terminal) to?.Dispose();
        }
    }

    private static async Task InAsync(IByteChannel from, FileDescriptor to, bool terminal, byte[] buffer, CancellationToken cancel)
    {
        Pipe.SetNonBlocking(to);
        try
        {
            while (await from.ReadAsync(buffer, cancel) is > 0 and var count) await WriteAsync(to, buffer.AsMemory(0, count), cancel);
            if (terminal) await WriteAsync(to, new[] { EndOfInput }, cancel);
        }
        catch (Exception e) when (e is ErrnoException { Errno: Errno.EPIPE or Errno.EIO } or ObjectDisposedException)
        {
            // The command has closed its input, or ended; its exit tells.
        }
        finally
        {
            if (!terminal) to.Dispose();
        }
    }

    private static async Task WriteAsync(FileDescriptor to, ReadOnlyMemory<byte> data, CancellationToken cancel)
    {
        while (!data.IsEmpty)
        {
            int count = Pipe.Write(to, data.Span);
            if (count < 0) await Readiness.Shared.WritableAsync(to, cancel);
            else data = data[count..];
        }
    }

    /// <returns>False when the command has ended and nothing more came for a moment.</returns>
    private static async Task<bool> ReadableAsync(FileDescriptor from, Task ended, TimeProvider time, CancellationToken cancel)
    {
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task readable = Readiness.Shared.ReadableAsync(from, enough.Token);
        if (await Task.WhenAny(readable, ended) != readable) await Task.WhenAny(readable, Task.Delay(Silence, time, enough.Token));
        await enough.CancelAsync();
        await readable.ContinueWith(static _ => { }, TaskScheduler.Default);
        cancel.ThrowIfCancellationRequested();
        return readable.IsCompletedSuccessfully;
    }
}
