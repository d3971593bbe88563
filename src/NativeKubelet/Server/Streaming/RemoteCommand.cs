using System.Collections.Immutable;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Terminals;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Server.Streaming;

/// <summary>A command in a container, or the container's own program, with the streams of one client.</summary>
internal sealed class RemoteCommand(IContainerRuntime runtime, TimeProvider time)
{
    private const int HangUp = 1;

    /// <summary>Runs a command to its end. A client that leaves hangs it up (SIGHUP, as a closed terminal does).</summary>
    /// <param name="left">The client is gone.</param>
    /// <returns>Null when the client has left.</returns>
    public async Task<StreamStatus?> ExecAsync(string containerId, ImmutableArray<string> command, bool tty, CommandStreams streams, CancellationToken left)
    {
        bool Piped(IByteChannel? channel) => channel is not null && !tty;
        using CommandPipes pipes = new(Piped(streams.Input), Piped(streams.Output), Piped(streams.Error));
        ExecSession session;
        try
        {
            session = await runtime.ExecAsync(new(containerId, command, tty, pipes.TheirIn, pipes.TheirOut, pipes.TheirError), CancellationToken.None);
        }
        catch (RuntimeException e)
        {
            return StreamStatus.Internal($"error executing command in container: {e.Message}");
        }
        pipes.CloseTheirs();

        using FileDescriptor? terminal = session.Terminal;
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(left);
        Task input = ChannelCopy.InAsync(streams.Input, terminal ?? pipes.In, tty, over.Token);
        Task sizes = TerminalSizes.FollowAsync(streams.Resize, size => Task.FromResult(terminal is not null && Terminal.TrySetSize(terminal, size)), over.Token);
        // A terminal is read even if nobody wants its output: the command would stop in its first full buffer.
        Task output = Task.WhenAll(
            ChannelCopy.OutAsync(terminal ?? pipes.Out, streams.Output, session.Exit, time, left),
            ChannelCopy.OutAsync(pipes.Error, streams.Error, session.Exit, time, left));
        try
        {
            await session.Exit.WaitAsync(left);
            await output;
            return left.IsCancellationRequested ? null : StreamStatus.Exited(await session.Exit, command);
        }
        catch (OperationCanceledException)
        {
            await HangUpAsync(session);
            return null;
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(input, sizes, output);
        }
    }

    /// <summary>Shows a container's output from now on and passes its input on, until the container ends; leaving merely detaches.</summary>
    /// <param name="takesInput">The container has a stdin.</param>
    /// <inheritdoc cref="ExecAsync" path="/param[@name='left']"/>
    /// <inheritdoc cref="ExecAsync" path="/returns"/>
    public async Task<StreamStatus?> AttachAsync(string containerId, bool takesInput, CommandStreams streams, CancellationToken left)
    {
        using CommandPipes pipes = new(streams.Input is not null && takesInput, streams.Output is not null, streams.Error is not null);
        AttachSession session;
        try
        {
            session = await runtime.AttachAsync(new(containerId, pipes.TheirIn, pipes.TheirOut, pipes.TheirError), left);
        }
        catch (RuntimeException e)
        {
            return StreamStatus.Internal($"error attaching to container: {e.Message}");
        }
        pipes.CloseTheirs();

        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(left);
        Task input = ChannelCopy.InAsync(streams.Input, pipes.In, terminal: false, over.Token);
        Task sizes = TerminalSizes.FollowAsync(streams.Resize, size => ResizeAsync(session, size, over.Token), over.Token);
        Task output = Task.WhenAll(
            ChannelCopy.OutAsync(pipes.Out, streams.Output, session.Ended, time, left), ChannelCopy.OutAsync(pipes.Error, streams.Error, session.Ended, time, left));
        try
        {
            // A client that is too slow is dropped by the holder: its outputs end while the container lives.
            bool shows = pipes.Out is not null || pipes.Error is not null;
            await (shows ? output : session.Ended).WaitAsync(left);
            return left.IsCancellationRequested ? null : StreamStatus.Success;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        finally
        {
            await over.CancelAsync();
            await DetachAsync(session);
            await Task.WhenAll(input, sizes, output);
        }
    }

    private static async Task HangUpAsync(ExecSession session)
    {
        try
        {
            await session.SignalAsync(HangUp, CancellationToken.None);
        }
        catch (HolderException)
        {
            // It ended a moment ago.
        }
    }

    private static async Task ResizeAsync(AttachSession session, TerminalSize size, CancellationToken cancel)
    {
        try
        {
            await session.ResizeAsync(size.Rows, size.Columns, cancel);
        }
        catch (HolderException)
        {
            // It has no terminal, or has ended.
        }
    }

    private static async Task DetachAsync(AttachSession session)
    {
        try
        {
            await session.DetachAsync();
        }
        catch (HolderException)
        {
            // The container has ended, and its clients with it.
        }
    }
}
