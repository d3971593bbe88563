using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Linux.Sockets;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>
/// One pod's holder, spoken to over its socket (native/PROTOCOL.md). Safe for concurrent calls. A call that is cancelled
/// is not undone in the holder: <see cref="ListAsync"/> tells what became of it. Disposing ends the connection only;
/// holder, pause and containers live on.
/// </summary>
public sealed partial class HolderConnection : IAsyncDisposable
{
    private readonly SeqPacketSocket _socket;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<HolderMessage>> _replies = new();
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<Start>> _starts = new();
    private readonly Channel<HolderEvent> _events = Channel.CreateUnbounded<HolderEvent>();
    private bool _disposed;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _receiving;
    private ulong _lastRequest;

    private HolderConnection(SeqPacketSocket socket, PidFd process)
    {
        _socket = socket;
        Process = process;
        _receiving = ReceiveLoopAsync();
    }

    /// <summary>The holder itself; belongs to this object.</summary>
    public PidFd Process { get; }

    /// <summary>0 before <see cref="StartPauseAsync"/>, and after the pause has died.</summary>
    public int PausePid { get; private set; }

    /// <summary>Ends with a <see cref="HolderLost"/>, whatever ended the connection, except by disposal.</summary>
    public ChannelReader<HolderEvent> Events => _events.Reader;

    /// <summary>Connects to a holder that an earlier agent left. What was not acknowledged follows as events.</summary>
    /// <returns>Null when no holder serves this socket any more.</returns>
    /// <exception cref="HolderException">It serves, but speaks another major version.</exception>
    public static async Task<HolderConnection?> ConnectAsync(string socketPath, CancellationToken cancel)
    {
        SeqPacketSocket? socket = null;
        PidFd? process = null;
        try
        {
            socket = SeqPacketSocket.Connect(socketPath);
            // The holder itself called listen, so these are its credentials and not those of who made the file.
            PeerCredentials peer = socket.Peer;
            if (peer.Uid != 0) throw new HolderException("connect", Errno.EACCES, $"{socketPath} is served by uid {peer.Uid}");
            process = PidFd.Open(peer.Pid);
        }
        catch (ErrnoException e) when (e.Errno is Errno.ENOENT or Errno.ECONNREFUSED or Errno.ESRCH or Errno.ECONNRESET)
        {
            socket?.Dispose();
            return null;
        }
        catch
        {
            socket?.Dispose();
            process?.Dispose();
            throw;
        }

        HolderConnection connection = new(socket, process);
        try
        {
            // An answer after the pidfd was opened proves that the pid was still the holder's then.
            HolderMessage hello = await connection.CallAsync("hello", new HolderMessageWriter(HolderMessageType.Hello), [], cancel);
            connection.PausePid = (int)hello.Number(HolderTag.PausePid);
            return connection;
        }
        catch (HolderException e) when (e.Errno == Errno.ECONNRESET && !IsAlive(process))
        {
            await connection.DisposeAsync();
            return null;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <returns>The pause's pid.</returns>
    /// <exception cref="HolderException">With the step that failed; no pause is left behind.</exception>
    public async Task<int> StartPauseAsync(PauseRequest request, CancellationToken cancel)
    {
        HolderMessageWriter message = new HolderMessageWriter(HolderMessageType.StartPause)
            .Number(HolderTag.Namespaces, (ulong)request.Namespaces)
            .Text(HolderTag.Hostname, request.Hostname)
            .Text(HolderTag.UidMap, request.UidMap)
            .Text(HolderTag.GidMap, request.GidMap)
            .Texts(HolderTag.Sysctl, [.. request.Sysctls.Select(s => $"{PauseRequest.SysctlPath(s.Key)}={s.Value}")], HolderProtocol.MaxSysctls)
            .Texts(HolderTag.Cgroup, request.CgroupProcs, HolderProtocol.MaxCgroups);
        HolderMessage reply = await CallAsync("start pause", message, [], cancel);
        return PausePid = (int)reply.Number(HolderTag.Pid);
    }

    /// <summary>Starts a container; returns when its program runs or its runtime has failed. Acknowledges the start itself.</summary>
    /// <exception cref="HolderException">The runtime could not even be executed, or the log not opened; nothing is left behind.</exception>
    public async Task<RunResult> RunContainerAsync(RunRequest request, CancellationToken cancel)
    {
        HolderFlags flags = (request.Stdin ? HolderFlags.Stdin : 0) | (request.ConsoleSocket is null ? 0 : HolderFlags.Tty);
        using FileDescriptor logDirectory = DirectoryDescriptor.Open(Path.GetDirectoryName(request.LogPath)!);
        HolderMessageWriter message = new HolderMessageWriter(HolderMessageType.Run)
            .Text(HolderTag.Id, request.ContainerId)
            .Texts(HolderTag.Arg, request.Arguments, HolderProtocol.MaxArguments)
            .Texts(HolderTag.Env, request.Environment, HolderProtocol.MaxEnvironment)
            .Text(HolderTag.PidFile, request.PidFile)
            .Text(HolderTag.ExitFile, request.ExitFile)
            .Text(HolderTag.OomFile, request.OomFile)
            .Text(HolderTag.LogName, Path.GetFileName(request.LogPath))
            .Number(HolderTag.LogMaxSize, (ulong)Math.Max(0, request.LogMaxSize))
            .Number(HolderTag.LogMaxFiles, (ulong)Math.Max(2, request.LogMaxFiles))
            .Text(HolderTag.Console, request.ConsoleSocket)
            .Number(HolderTag.Flags, (ulong)flags);
        Start start = await StartAsync($"run {request.ContainerId}", message, [logDirectory], cancel);
        start.Terminal?.Dispose();
        return start.Result;
    }

    /// <summary>Starts a process in a container. The fds stay the caller's; with a terminal there are none.</summary>
    /// <returns>With a terminal its outer end, which the caller then owns.</returns>
    public async Task<(RunResult Result, FileDescriptor? Terminal)> ExecAsync(
        ExecRequest request, SafeHandle stdin, SafeHandle stdout, SafeHandle stderr, CancellationToken cancel)
    {
        HolderMessageWriter message = new HolderMessageWriter(HolderMessageType.Exec)
            .Text(HolderTag.Id, request.ContainerId)
            .Text(HolderTag.ExecId, request.ExecId)
            .Texts(HolderTag.Arg, request.Arguments, HolderProtocol.MaxArguments)
            .Texts(HolderTag.Env, request.Environment, HolderProtocol.MaxEnvironment)
            .Text(HolderTag.PidFile, request.PidFile)
            .Text(HolderTag.Console, request.ConsoleSocket)
            .Number(HolderTag.Flags, (ulong)(request.ConsoleSocket is null ? 0 : HolderFlags.Tty));
        Start start = await StartAsync($"exec {request.ExecId} in {request.ContainerId}", message, [stdin, stdout, stderr], cancel);
        return (start.Result, start.Terminal);
    }

    /// <summary>
    /// Copies a container's output to these fds and reads its input from the first; null: not wanted. The fds become
    /// non-blocking. Who does not take 16 KiB within a second is dropped.
    /// </summary>
    /// <returns>The number for <see cref="DetachAsync"/>.</returns>
    public async Task<int> AttachAsync(
        string containerId, SafeHandle? stdin, SafeHandle? stdout, SafeHandle? stderr, bool closeStdinAtEof, CancellationToken cancel)
    {
        HolderFlags flags = (stdin is null ? 0 : HolderFlags.Stdin) | (stdout is null ? 0 : HolderFlags.Stdout)
            | (stderr is null ? 0 : HolderFlags.Stderr) | (closeStdinAtEof ? HolderFlags.CloseStdinAtEof : 0);
        SafeHandle[] descriptors = [.. new[] { stdin, stdout, stderr }.OfType<SafeHandle>()];
        HolderMessageWriter message = For(HolderMessageType.Attach, containerId).Number(HolderTag.Flags, (ulong)flags);
        return (int)(await CallAsync($"attach {containerId}", message, descriptors, cancel)).Number(HolderTag.Client);
    }

    public Task DetachAsync(int client, CancellationToken cancel) =>
        CallAsync("detach", new HolderMessageWriter(HolderMessageType.Detach).Number(HolderTag.Client, (ulong)client), [], cancel);

    public Task ResizeAsync(string containerId, int rows, int columns, CancellationToken cancel) =>
        CallAsync($"resize {containerId}", For(HolderMessageType.Resize, containerId)
            .Number(HolderTag.Rows, (ulong)rows).Number(HolderTag.Columns, (ulong)columns), [], cancel);

    public Task CloseStdinAsync(string containerId, CancellationToken cancel) =>
        CallAsync($"close stdin of {containerId}", For(HolderMessageType.CloseStdin, containerId), [], cancel);

    /// <param name="reopen">Only opens the log's name again, where somebody else moved the file.</param>
    public Task RotateLogAsync(string containerId, bool reopen, CancellationToken cancel) =>
        CallAsync($"rotate log of {containerId}", For(HolderMessageType.Rotate, containerId)
            .Number(HolderTag.Flags, (ulong)(reopen ? HolderFlags.Force : 0)), [], cancel);

    /// <summary>To the init process of a container, to one exec, or to the runtime while it still starts.</summary>
    /// <returns>False when it has ended already.</returns>
    public Task<bool> SignalAsync(string containerId, string? execId, int signal, CancellationToken cancel) =>
        SignalAsync(containerId, execId, signal, HolderFlags.None, cancel);

    /// <summary>To an exec and all of its process group; a holder of an earlier release reaches the process alone.</summary>
    public Task<bool> KillExecAsync(string containerId, string execId, int signal, CancellationToken cancel) =>
        SignalAsync(containerId, execId, signal, HolderFlags.Group, cancel);

    private async Task<bool> SignalAsync(string containerId, string? execId, int signal, HolderFlags flags, CancellationToken cancel)
    {
        try
        {
            await CallAsync($"signal {signal} to {containerId}", For(HolderMessageType.Signal, containerId)
                .Text(HolderTag.ExecId, execId).Number(HolderTag.SignalNumber, (ulong)signal).Number(HolderTag.Flags, (ulong)flags), [], cancel);
            return true;
        }
        catch (HolderException e) when (e.Errno == Errno.ESRCH)
        {
            return false;
        }
    }

    public async Task<IReadOnlyList<HolderEntry>> ListAsync(CancellationToken cancel)
    {
        List<HolderEntry> entries = [];
        ulong next = 0;
        do
        {
            HolderMessage page = await CallAsync("list", new HolderMessageWriter(HolderMessageType.List).Number(HolderTag.Next, next), [], cancel);
            entries.AddRange(Entries(page));
            next = page.Number(HolderTag.Next);
        }
        while (next != 0);
        return entries;
    }

    /// <summary>The event is recorded; an exit's container or exec is forgotten by the holder.</summary>
    public Task AcknowledgeAsync(ulong eventId, CancellationToken cancel) =>
        CallAsync("acknowledge", new HolderMessageWriter(HolderMessageType.Ack).Number(HolderTag.Event, eventId), [], cancel);

    /// <summary>Ends pause and holder and waits for it. Already gone is success.</summary>
    /// <param name="force">Although containers run; they are not killed by it.</param>
    /// <exception cref="HolderException">EBUSY: containers run.</exception>
    public async Task QuitAsync(bool force, CancellationToken cancel)
    {
        if (Volatile.Read(ref _disposed)) return;       // a former try came as far as this
        try
        {
            await CallAsync("quit", new HolderMessageWriter(HolderMessageType.Quit).Number(HolderTag.Flags, (ulong)(force ? HolderFlags.Force : 0)), [], cancel);
        }
        catch (HolderException e) when (e.Errno == Errno.ECONNRESET)
        {
            // Gone before it could answer; if it still lives, the wait below lasts until the caller gives up.
        }
        await Process.WaitForExitAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        // Whoever stops the sandbox and whoever saw the holder go may both come here.
        if (Interlocked.Exchange(ref _disposed, true)) return;
        await _closing.CancelAsync();
        _socket.Shutdown();
        await _receiving;
        _socket.Dispose();
        Reap();
        Process.Dispose();
        _closing.Dispose();
        _sending.Dispose();
    }

    private static HolderMessageWriter For(HolderMessageType type, string containerId) =>
        new HolderMessageWriter(type).Text(HolderTag.Id, containerId);

    private static bool IsAlive(PidFd process) => process.TrySignal(0);

    /// <summary>A holder that this agent started is its child, and a zombie until somebody looks.</summary>
    private void Reap()
    {
        try
        {
            _ = Process.TryReap();
        }
        catch (ErrnoException)
        {
            // ECHILD: started by an earlier agent, reaped by init.
        }
    }

    internal static IEnumerable<HolderEntry> Entries(HolderMessage page)
    {
        List<HolderField> fields = [];
        foreach (HolderField field in page.Fields.Append(new HolderField(HolderTag.Entry, 0, "")))
        {
            if (field.Tag != HolderTag.Entry)
            {
                fields.Add(field);
                continue;
            }
            HolderMessage entry = new(page.Type, page.Minor, 0, fields);
            if (entry.Text(HolderTag.Id) is { Length: > 0 } id)
            {
                HolderProcessState state = (HolderProcessState)entry.Number(HolderTag.State);
                yield return new HolderEntry(id, entry.Text(HolderTag.ExecId), state, (int)entry.Number(HolderTag.Pid),
                    state == HolderProcessState.Ended ? ExitOf(entry) : null);
            }
            fields = [];
        }
    }

    private static HolderExit ExitOf(HolderMessage m) => HolderExit.From(
        m.Number(HolderTag.Code), m.Number(HolderTag.SignalNumber), m.Number(HolderTag.Finished),
        m.Number(HolderTag.OomKills), m.Number(HolderTag.Lost) != 0);

    private sealed record Start(ulong EventId, RunResult Result, FileDescriptor? Terminal);
}
