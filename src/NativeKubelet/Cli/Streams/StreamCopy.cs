using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Cli.Streams;

/// <summary>Carries the bytes of a session between this process's ends and the session's.</summary>
internal static class StreamCopy
{
    private const int BufferSize = 32 * 1024;
    private const byte EndOfInput = 0x04;       // Ctrl-D, which a terminal takes for the end

    // A child that the command left behind may hold the output open for ever; what was written before the end comes within this.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    /// <summary>Copies until the writers have closed, or for a moment longer than <paramref name="ended"/>.</summary>
    /// <param name="from">Made non-blocking.</param>
    /// <returns>When the reader of <paramref name="to"/> has gone, too: the caller closes <paramref name="from"/> and the writer learns of it.</returns>
    public static async Task OutAsync(FileDescriptor from, FileDescriptor to, Task ended, TimeProvider time)
    {
        Pipe.SetNonBlocking(from);
        using CancellationTokenSource enough = new();
        Task limit = LimitAsync();
        byte[] buffer = new byte[BufferSize];
        try
        {
            while (true)
            {
                int count = Pipe.Read(from, buffer);
                if (count == 0) return;
                if (count > 0) await WriteAsync(to, buffer.AsMemory(0, count));
                else await Readiness.Shared.ReadableAsync(from, enough.Token);
            }
        }
        catch (ErrnoException e) when (e.Errno is Errno.EIO or Errno.EPIPE)
        {
            // EIO: the last process behind a terminal has closed it. EPIPE: nobody reads our output any more.
        }
        catch (OperationCanceledException)
        {
        }
        finally
        {
            await enough.CancelAsync();
            await limit;
        }

        async Task LimitAsync()
        {
            await Task.WhenAny(ended, Task.Delay(Timeout.InfiniteTimeSpan, enough.Token));
            await Task.Delay(Patience, time, enough.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            if (!enough.IsCancellationRequested) await enough.CancelAsync();
        }
    }

    /// <summary>Runs on a thread of its own, which waits in read(2) for as long as nobody types; a process may end around it.</summary>
    /// <param name="toTerminal">Stays open; its end is typed. Anything else is closed at the end of the input.</param>
    public static void StartIn(FileDescriptor from, FileDescriptor to, bool toTerminal, DetachKeys? keys, Action detach) => new Thread(() =>
    {
        byte[] buffer = new byte[BufferSize];
        try
        {
            while (Read(from, buffer) is > 0 and var count)
            {
                if (keys is null)
                {
                    WriteAsync(to, buffer.AsMemory(0, count)).GetAwaiter().GetResult();
                    continue;
                }
                (byte[] pass, bool pressed) = keys.Take(buffer.AsSpan(0, count));
                WriteAsync(to, pass).GetAwaiter().GetResult();
                if (!pressed) continue;
                detach();
                return;
            }
            if (toTerminal) WriteAsync(to, new[] { EndOfInput }).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The command has closed its input, or ended; its exit tells.
        }
        finally
        {
            if (!toTerminal) to.Dispose();
        }
    })
    { IsBackground = true, Name = "stdin" }.Start();

    private static int Read(FileDescriptor from, byte[] buffer)
    {
        int count;
        // A terminal that another program left non-blocking.
        while ((count = Pipe.Read(from, buffer)) < 0) Readiness.Shared.ReadableAsync(from, CancellationToken.None).GetAwaiter().GetResult();
        return count;
    }

    private static async Task WriteAsync(FileDescriptor to, ReadOnlyMemory<byte> data)
    {
        while (!data.IsEmpty)
        {
            int count = Pipe.Write(to, data.Span);
            if (count < 0) await Readiness.Shared.WritableAsync(to, CancellationToken.None);
            else data = data[count..];
        }
    }
}
