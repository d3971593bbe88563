using System.Collections.Immutable;
using System.Text;
using NativeKubelet.Core.Containers;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Runtime.Streams;

/// <param name="Output">What it wrote to stdout, then what it wrote to stderr; the beginning of each.</param>
/// <param name="TimedOut">It was killed with its process group; the exit code says so too.</param>
public sealed record CommandResult(int ExitCode, string Output, bool TimedOut);

/// <summary>Runs a program in a container to its end, without input: probes and hooks.</summary>
public static class ContainerCommand
{
    /// <summary>The OCI runtime takes some 25 ms; on a machine that needs this long nothing can be said of the container.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    /// <summary>After SIGKILL; a process that is stuck in the kernel is left to it.</summary>
    private static readonly TimeSpan KillPatience = TimeSpan.FromSeconds(2);

    /// <param name="limit">Bytes of output to keep.</param>
    /// <param name="timeout">Of the program itself, without its start; infinite: none.</param>
    /// <exception cref="RuntimeException">It could not be started.</exception>
    /// <exception cref="OperationCanceledException">It was killed.</exception>
    public static async Task<CommandResult> RunAsync(
        IContainerRuntime runtime, string containerId, ImmutableArray<string> command, int limit, TimeSpan timeout, TimeProvider time, CancellationToken cancel)
    {
        (FileDescriptor outRead, FileDescriptor outWrite) = Pipe.Create();
        using FileDescriptor ownOut = outRead;
        (FileDescriptor errorRead, FileDescriptor errorWrite) = Pipe.Create();
        using FileDescriptor ownError = errorRead;
        Pipe.SetNonBlocking(ownOut);
        Pipe.SetNonBlocking(ownError);

        ExecSession session = await StartAsync(runtime, new(containerId, command, Tty: false, In: null, outWrite, errorWrite) { ToItsEnd = true }, time, cancel);
        using CancellationTokenSource pipes = new();
        PipeCapture output = new(ownOut, limit), error = new(ownError, limit);
        Task reading = Task.WhenAll(output.ReadAsync(pipes.Token), error.ReadAsync(pipes.Token));
        bool timedOut = false;
        int code;
        try
        {
            code = await session.Exit.WaitAsync(timeout, time, cancel);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            timedOut = true;
            code = await KillAsync(session, time);
        }
        // What it wrote is in the pipes by now; what it left running may hold them open for as long as it likes.
        await pipes.CancelAsync();
        await reading;
        cancel.ThrowIfCancellationRequested();
        output.Drain();
        error.Drain();
        byte[] said = [.. output.ToArray(), .. error.ToArray()];
        return new(code, Encoding.UTF8.GetString(said.AsSpan(0, Math.Min(said.Length, limit))), timedOut);
    }

    private static async Task<ExecSession> StartAsync(IContainerRuntime runtime, ExecStart start, TimeProvider time, CancellationToken cancel)
    {
        // Not cancelled on the way: a program that starts although nobody waits any more is found here, and killed.
        Task<ExecSession> starting = ExecAsync();
        try
        {
            return await starting.WaitAsync(StartPatience, time, cancel);
        }
        catch (Exception e) when (!starting.IsCompleted)
        {
            _ = starting.ContinueWith(late => KillAsync(late.Result, time), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw e is TimeoutException ? new RuntimeException("ExecFailed", $"the OCI runtime did not start it within {StartPatience.TotalSeconds:0} s", e) : e;
        }
        finally
        {
            _ = starting.ContinueWith(_ => Close(start), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        async Task<ExecSession> ExecAsync() => await runtime.ExecAsync(start, CancellationToken.None);
    }

    /// <summary>The program has its own by now; as long as ours are open, its pipes do not end with it.</summary>
    private static void Close(ExecStart start)
    {
        start.Out!.Dispose();
        start.Error!.Dispose();
    }

    private static async Task<int> KillAsync(ExecSession session, TimeProvider time)
    {
        try
        {
            await session.SignalAsync(StopSignal.Kill, CancellationToken.None);
            return await session.Exit.WaitAsync(KillPatience, time);
        }
        catch (Exception e) when (e is TimeoutException or Sandboxes.HolderException)
        {
            return 128 + StopSignal.Kill;
        }
    }
}
