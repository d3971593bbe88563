using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>What a short-lived program left behind.</summary>
/// <param name="TimedOut">The deadline passed; the program and its process group were killed.</param>
/// <param name="Truncated">More output came than was kept; the rest was read and thrown away.</param>
public sealed record ToolResult(ExitStatus Exit, byte[] Output, byte[] Error, bool TimedOut, bool Truncated);

/// <summary>Runs a short-lived program (a CNI plugin, <c>runc delete</c>) to its end: bounded output, a deadline, nothing left behind.</summary>
public static class ToolRun
{
    private const int Kill = 9;

    /// <param name="request">Its fds are set here.</param>
    /// <param name="input">Given on stdin, then end of file.</param>
    /// <param name="outputLimit">Bytes kept of stdout, and of stderr.</param>
    /// <param name="deadline">Then SIGKILL to the program's process group.</param>
    /// <param name="cancel">Kills as the deadline does, then throws.</param>
    /// <exception cref="ErrnoException">The program could not be started.</exception>
    public static async Task<ToolResult> RunAsync(
        SpawnRequest request, ReadOnlyMemory<byte> input, int outputLimit, TimeSpan deadline, CancellationToken cancel)
    {
        (FileDescriptor stdinRead, FileDescriptor stdinWrite) = Pipe.Create();
        (FileDescriptor stdoutRead, FileDescriptor stdoutWrite) = Pipe.Create();
        (FileDescriptor stderrRead, FileDescriptor stderrWrite) = Pipe.Create();
        using FileDescriptor ownIn = stdinWrite, ownOut = stdoutRead, ownErr = stderrRead;
        foreach (FileDescriptor own in new[] { ownIn, ownOut, ownErr }) Pipe.SetNonBlocking(own);

        PidFd process;
        using (stdinRead)
        using (stdoutWrite)
        using (stderrWrite)
            process = Spawn.Start(request with { Descriptors = [stdinRead, stdoutWrite, stderrWrite] });

        using (process)
        using (CancellationTokenSource clock = CancellationTokenSource.CreateLinkedTokenSource(cancel))
        using (CancellationTokenSource pipes = new())
        {
            clock.CancelAfter(deadline);
            Task feeding = FeedAsync(ownIn, input, pipes.Token);
            PipeCapture output = new(ownOut, outputLimit), error = new(ownErr, outputLimit);
            Task reading = Task.WhenAll(output.ReadAsync(pipes.Token), error.ReadAsync(pipes.Token));

            bool timedOut = false;
            try
            {
                await process.WaitForExitAsync(clock.Token);
            }
            catch (OperationCanceledException)
            {
                timedOut = true;
            }
            // Not reaped yet, so the group's number is still its own; what it left running goes too.
            ProcessGroup.Kill(process.Pid, Kill);
            ExitStatus exit = await process.ReapAsync(CancellationToken.None);

            // Everything the program wrote is in the pipes by now; a stray process outside the group may hold them open.
            await Task.WhenAny(reading, Task.Delay(TimeSpan.FromMilliseconds(200), CancellationToken.None));
            await pipes.CancelAsync();
            await Task.WhenAll(feeding, reading);
            cancel.ThrowIfCancellationRequested();
            return new ToolResult(exit, output.ToArray(), error.ToArray(), timedOut, output.Truncated || error.Truncated);
        }
    }

    private static async Task FeedAsync(FileDescriptor pipe, ReadOnlyMemory<byte> input, CancellationToken cancel)
    {
        try
        {
            while (!input.IsEmpty)
            {
                int written = Pipe.Write(pipe, input.Span);
                if (written < 0) await Readiness.Shared.WritableAsync(pipe, cancel);
                else input = input[written..];
            }
        }
        catch (ErrnoException e) when (e.Errno == Errno.EPIPE)
        {
            // The program does not want to hear it all; its exit code says whether that is wrong.
        }
        catch (OperationCanceledException)
        {
            // The program has ended.
        }
        finally
        {
            pipe.Dispose();
        }
    }
}
