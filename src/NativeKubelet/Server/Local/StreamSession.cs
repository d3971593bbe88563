using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using NativeKubelet.Api.Local;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Sockets;
using NativeKubelet.Runtime;

namespace NativeKubelet.Server.Local;

/// <summary>
/// One exec or attach: request with fds in, "started" (with the terminal's fd) out, signals and sizes in, "exited" out.
/// A client that dies hangs its exec up (SIGHUP, as a closed terminal does) and merely detaches from a container.
/// </summary>
internal sealed class StreamSession(IContainerRuntime runtime, SeqPacketSocket peer)
{
    /// <summary>The largest packet; a command line that is longer is refused by the client.</summary>
    public const int LargestPacket = 128 * 1024;

    private const int HangUp = 1;

    private readonly byte[] _buffer = new byte[LargestPacket];

    public async Task ServeAsync(CancellationToken cancel)
    {
        Packet first = await peer.ReceiveAsync(_buffer, cancel);
        using Ends ends = new(first.Descriptors);
        try
        {
            StreamRequest? request = Read(first, LocalJson.Default.StreamRequest);
            if (request is null || !ends.TryName(request)) await FailAsync("malformed request", cancel);
            else if (request.Kind == "exec") await ExecAsync(request, ends, cancel);
            else if (request.Kind == "attach") await AttachAsync(request, ends, cancel);
            else await FailAsync($"unknown kind of session \"{request.Kind}\"", cancel);
        }
        catch (RuntimeException e)
        {
            await FailAsync(e.Message, cancel);
        }
    }

    private async Task ExecAsync(StreamRequest request, Ends ends, CancellationToken cancel)
    {
        ExecSession session = await runtime.ExecAsync(
            new(request.ContainerId, [.. request.Command], request.Tty, ends.In, ends.Out, ends.Error), cancel);
        // The process has its own copies. While ours are open, the reader of a pipe behind them would never see its end.
        ends.Dispose();
        using (FileDescriptor? terminal = session.Terminal)
            await SendAsync(new("started"), terminal is null ? [] : [terminal], cancel);

        bool left = await UntilEndedAsync(session.Exit, c => c.Signal is { } number ? session.SignalAsync(number, cancel) : Task.CompletedTask, cancel);
        if (left) await session.SignalAsync(HangUp, CancellationToken.None);
        else await SendAsync(new("exited", await session.Exit), [], cancel);
    }

    private async Task AttachAsync(StreamRequest request, Ends ends, CancellationToken cancel)
    {
        AttachSession session = await runtime.AttachAsync(new(request.ContainerId, ends.In, ends.Out, ends.Error), cancel);
        ends.Dispose();
        try
        {
            await SendAsync(new("started"), [], cancel);
            bool left = await UntilEndedAsync(
                session.Ended, c => c is { Rows: { } rows, Columns: { } columns } ? session.ResizeAsync(rows, columns, cancel) : Task.CompletedTask, cancel);
            if (!left) await SendAsync(new("exited"), [], cancel);
        }
        finally
        {
            await session.DetachAsync();
        }
    }

    /// <returns>True when the client left before the end.</returns>
    private async Task<bool> UntilEndedAsync(Task ended, Func<StreamControl, Task> act, CancellationToken cancel)
    {
        using CancellationTokenSource listening = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task client = ControlAsync(act, listening.Token);
        await Task.WhenAny(ended, client);
        await listening.CancelAsync();
        await client.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        return !ended.IsCompleted;
    }

    /// <summary>Acts on what the client says until it leaves.</summary>
    private async Task ControlAsync(Func<StreamControl, Task> act, CancellationToken cancel)
    {
        while (true)
        {
            Packet packet = await peer.ReceiveAsync(_buffer, cancel);
            foreach (FileDescriptor stray in packet.Descriptors) stray.Dispose();
            if (packet.Length == 0) return;
            if (Read(packet, LocalJson.Default.StreamControl) is not { } control) continue;
            try
            {
                await act(control);
            }
            catch (RuntimeException)
            {
                // It ended a moment ago; its exit says so.
            }
        }
    }

    private T? Read<T>(Packet packet, JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return packet.Length == 0 ? null : JsonSerializer.Deserialize(_buffer.AsSpan(0, packet.Length), type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private Task FailAsync(string error, CancellationToken cancel) => SendAsync(new("failed", Error: error), [], cancel);

    private Task SendAsync(StreamReply reply, IReadOnlyList<SafeHandle> fds, CancellationToken cancel) =>
        peer.SendAsync(JsonSerializer.SerializeToUtf8Bytes(reply, LocalJson.Default.StreamReply), fds, cancel);

    /// <summary>The fds that came with the request, by their roles.</summary>
    private sealed class Ends(ImmutableArray<FileDescriptor> fds) : IDisposable
    {
        public FileDescriptor? In { get; private set; }

        public FileDescriptor? Out { get; private set; }

        public FileDescriptor? Error { get; private set; }

        /// <returns>False when the request names more or fewer ends than came with it.</returns>
        public bool TryName(StreamRequest request)
        {
            if (fds.Length != (request.In ? 1 : 0) + (request.Out ? 1 : 0) + (request.Error ? 1 : 0)) return false;
            int next = 0;
            In = request.In ? fds[next++] : null;
            Out = request.Out ? fds[next++] : null;
            Error = request.Error ? fds[next] : null;
            return true;
        }

        public void Dispose()
        {
            foreach (FileDescriptor fd in fds) fd.Dispose();
        }
    }
}
