using System.Buffers;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>Runs a program whose output may be long, and hands on what it writes, to stdout and stderr alike, while it runs.</summary>
public static class ToolStream
{
    private const int Chunk = 16 << 10, Kill = 9;

    /// <param name="request">Its fds are set here.</param>
    /// <param name="sink">What it is given is good until it returns; when it throws, the program is killed.</param>
    /// <param name="deadline">Then SIGKILL to the program's process group, and what came so far is all.</param>
    /// <exception cref="ErrnoException">The program could not be started.</exception>
    public static async Task RunAsync(SpawnRequest request, Func<ReadOnlyMemory<byte>, Task> sink, TimeSpan deadline, CancellationToken cancel)
    {
        (FileDescriptor read, FileDescriptor write) = Pipe.Create();
        using FileDescriptor own = read;
        Pipe.SetNonBlocking(own);
        PidFd started;
        using (write) started = Spawn.Start(request with { Descriptors = [null, write, write] });
        using PidFd process = started;
        using CancellationTokenSource clock = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        clock.CancelAfter(deadline);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            for (int count; (count = Pipe.Read(own, buffer)) != 0; clock.Token.ThrowIfCancellationRequested())
                if (count > 0) await sink(buffer.AsMemory(0, count));
                else await Readiness.Shared.ReadableAsync(own, clock.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // Its time is over.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            // Not reaped yet, so the group's number is still its own.
            ProcessGroup.Kill(process.Pid, Kill);
            await process.ReapAsync(CancellationToken.None);
        }
    }
}
