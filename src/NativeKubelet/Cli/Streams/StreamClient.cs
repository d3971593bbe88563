using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading.Channels;
using NativeKubelet.Api.Local;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Linux.Sockets;
using NativeKubelet.Linux.Terminals;

namespace NativeKubelet.Cli.Streams;

/// <summary>
/// The verbs' side of an exec or attach. The container gets pipes, never this process's own ends: a descriptor of a host's file
/// or terminal would let it open the file anew for writing, or type into the user's shell.
/// </summary>
internal sealed class StreamClient(AgentClient agent, ConsoleEnds ends, TimeProvider time)
{
    private const int LargestRequest = 128 * 1024, SignalBase = 128;

    private readonly Channel<StreamControl> _controls = Channel.CreateUnbounded<StreamControl>();
    private readonly TaskCompletionSource<int> _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="request">Its ends say which of ours take part. With Tty on an exec they are replaced by the session's terminal.</param>
    /// <param name="terminal">The other side is a terminal: ours is made raw, and its size follows.</param>
    /// <returns>The command's exit code, 128+n when signal n ended this side, 0 when the user detached.</returns>
    /// <exception cref="VerbException">The agent's words, or it went away.</exception>
    public async Task<int> RunAsync(StreamRequest request, bool terminal, CancellationToken cancel)
    {
        bool ownTerminal = request.Kind == "exec" && request.Tty;
        using SeqPacketSocket socket = agent.ConnectStreams();
        using Pipes pipes = new(ownTerminal ? request with { In = false, Out = false, Error = false } : request);
        using FileDescriptor? master = await StartAsync(socket, pipes, cancel);
        if (ownTerminal && master is null) throw new VerbException("the agent sent no terminal");

        using IDisposable? raw = terminal && Terminal.IsTerminal(ends.In) ? Terminal.MakeRaw(ends.In) : null;
        void Resize()
        {
            if (Terminal.SizeOf(ends.In) is not { } size) return;
            if (master is not null) Terminal.TrySetSize(master, size);
            else _controls.Writer.TryWrite(new StreamControl(Rows: size.Rows, Columns: size.Columns));
        }
        using IDisposable? resizing = terminal ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Resize()) : null;
        using IDisposable signals = Signals(forward: request.Kind == "exec" && !terminal);
        if (terminal) Resize();

        using CancellationTokenSource talking = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task sending = SendControlsAsync(socket, talking.Token);
        Task<int> ended = EndAsync(socket, talking.Token);
        Task copies = Task.WhenAll(
            master is not null ? StreamCopy.OutAsync(master, ends.Out, ended, time) : CopyAsync(pipes.Out, ends.Out, ended),
            CopyAsync(pipes.Error, ends.Error, ended));
        if (request.In && (master ?? pipes.In) is { } input)
            StreamCopy.StartIn(ends.In, input, toTerminal: master is not null, request.Kind == "attach" && terminal ? new DetachKeys() : null, () => _left.TrySetResult(0));
        try
        {
            Task<int> first = await Task.WhenAny(ended, _left.Task);
            if (first == ended) await copies;
            return await first;
        }
        finally
        {
            await talking.CancelAsync();
            await Task.WhenAll(sending, ended, copies).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private static async Task<FileDescriptor?> StartAsync(SeqPacketSocket socket, Pipes pipes, CancellationToken cancel)
    {
        byte[] packet = JsonSerializer.SerializeToUtf8Bytes(pipes.Request, LocalJson.Default.StreamRequest);
        if (packet.Length > LargestRequest) throw new VerbException($"the command line is longer than {LargestRequest / 1024} KiB");
        (StreamReply? reply, ImmutableArray<FileDescriptor> fds) = (null, []);
        try
        {
            await socket.SendAsync(packet, pipes.Theirs, cancel);
            pipes.CloseTheirs();
            (reply, fds) = await ReceiveAsync(socket, cancel);
        }
        catch (ErrnoException e)
        {
            throw new VerbException($"the agent left in the middle of the request: {e.Message}");
        }
        foreach (FileDescriptor surplus in fds.Skip(1)) surplus.Dispose();
        if (reply?.Kind == "started") return fds is [var terminal, ..] ? terminal : null;
        if (fds is [var unused, ..]) unused.Dispose();
        throw new VerbException(reply?.Error ?? "the agent left in the middle of the request");
    }

    private static async Task<int> EndAsync(SeqPacketSocket socket, CancellationToken cancel)
    {
        (StreamReply? reply, ImmutableArray<FileDescriptor> fds) = await ReceiveAsync(socket, cancel);
        foreach (FileDescriptor stray in fds) stray.Dispose();
        return reply switch
        {
            { Kind: "exited" } => reply.ExitCode,
            null => throw new VerbException("the agent left before the end; the exit code is lost"),
            _ => throw new VerbException(reply.Error ?? $"the agent said \"{reply.Kind}\""),
        };
    }

    private static async Task<(StreamReply? Reply, ImmutableArray<FileDescriptor> Descriptors)> ReceiveAsync(SeqPacketSocket socket, CancellationToken cancel)
    {
        byte[] buffer = new byte[LargestRequest];
        Packet packet = await socket.ReceiveAsync(buffer, cancel);
        return (packet.Length == 0 ? null : JsonSerializer.Deserialize(buffer.AsSpan(0, packet.Length), LocalJson.Default.StreamReply), packet.Descriptors);
    }

    private async Task SendControlsAsync(SeqPacketSocket socket, CancellationToken cancel)
    {
        try
        {
            await foreach (StreamControl control in _controls.Reader.ReadAllAsync(cancel))
                await socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(control, LocalJson.Default.StreamControl), [], cancel);
        }
        catch (ErrnoException)
        {
            // The agent has gone; the receiving side says so.
        }
    }

    private async Task CopyAsync(FileDescriptor? from, FileDescriptor to, Task ended)
    {
        if (from is null) return;
        await StreamCopy.OutAsync(from, to, ended, time);
        // If it was our reader that went away, the command gets SIGPIPE, as it would in a shell.
        from.Dispose();
    }

    /// <summary>
    /// No signal ends this process before its terminal is as it was. Without a terminal Ctrl-C is for the command; the second
    /// one ends this side. SIGHUP always does: whoever typed is gone, and the agent hangs the command up.
    /// </summary>
    private Registrations Signals(bool forward)
    {
        HashSet<int> sent = [];
        return new Registrations([(PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, 2), (PosixSignal.SIGQUIT, 3), (PosixSignal.SIGTERM, 15)], number =>
        {
            bool firstTime;
            lock (sent) firstTime = sent.Add(number);
            if (forward && firstTime && number != 1) _controls.Writer.TryWrite(new StreamControl(Signal: number));
            else _left.TrySetResult(SignalBase + number);
        });
    }

    private sealed class Registrations(ImmutableArray<(PosixSignal Signal, int Number)> signals, Action<int> act) : IDisposable
    {
        private readonly PosixSignalRegistration[] _registered = [.. signals.Select(s => PosixSignalRegistration.Create(s.Signal, context =>
        {
            context.Cancel = true;
            act(s.Number);
        }))];

        public void Dispose()
        {
            foreach (PosixSignalRegistration registration in _registered) registration.Dispose();
        }
    }

    /// <summary>One pipe for each end that takes part: their side goes to the agent, ours is copied.</summary>
    private sealed class Pipes : IDisposable
    {
        private readonly List<FileDescriptor> _theirs = [];

        public Pipes(StreamRequest request)
        {
            Request = request;
            if (request.In) In = Take(Pipe.Create(), theirsIsRead: true);
            if (request.Out) Out = Take(Pipe.Create(), theirsIsRead: false);
            if (request.Error) Error = Take(Pipe.Create(), theirsIsRead: false);
        }

        public StreamRequest Request { get; }

        public FileDescriptor? In { get; }

        public FileDescriptor? Out { get; }

        public FileDescriptor? Error { get; }

        public IReadOnlyList<SafeHandle> Theirs => _theirs;

        /// <summary>Once they are sent: while ours are open, no end is ever seen.</summary>
        public void CloseTheirs()
        {
            foreach (FileDescriptor fd in _theirs) fd.Dispose();
        }

        public void Dispose()
        {
            CloseTheirs();
            In?.Dispose();
            Out?.Dispose();
            Error?.Dispose();
        }

        private FileDescriptor Take((FileDescriptor Read, FileDescriptor Write) pipe, bool theirsIsRead)
        {
            (FileDescriptor theirs, FileDescriptor ours) = theirsIsRead ? pipe : (pipe.Write, pipe.Read);
            _theirs.Add(theirs);
            return ours;
        }
    }
}
