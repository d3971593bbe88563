using System.Buffers;
using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Sockets;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>The traffic: requests are matched with answers by number, everything else is an event.</summary>
public sealed partial class HolderConnection
{
    private async Task<HolderMessage> CallAsync(
        string call, HolderMessageWriter message, IReadOnlyList<SafeHandle> descriptors, CancellationToken cancel) =>
        await CallAsync(call, Interlocked.Increment(ref _lastRequest), message, descriptors, cancel);

    private async Task<HolderMessage> CallAsync(
        string call, ulong request, HolderMessageWriter message, IReadOnlyList<SafeHandle> descriptors, CancellationToken cancel)
    {
        TaskCompletionSource<HolderMessage> reply = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _replies[request] = reply;
        try
        {
            await _sending.WaitAsync(cancel);
            try
            {
                await _socket.SendAsync(message.Finish(request), descriptors, cancel);
            }
            catch (ErrnoException e) when (e.Errno is Errno.EPIPE or Errno.ECONNRESET or Errno.ENOTCONN)
            {
                throw new HolderException(call, Errno.ECONNRESET, "the connection is gone");
            }
            finally
            {
                _sending.Release();
            }
            if (_receiving.IsCompleted) reply.TrySetException(ConnectionLost());
            HolderMessage answer = await reply.Task.WaitAsync(cancel);
            int errno = (int)answer.Number(HolderTag.Error);
            return errno == 0 ? answer : throw new HolderException(call, errno, answer.Text(HolderTag.Text));
        }
        finally
        {
            _replies.TryRemove(request, out _);
        }
    }

    /// <summary>The answer says that the runtime runs; an event with the same number says what became of it.</summary>
    private async Task<Start> StartAsync(
        string call, HolderMessageWriter message, IReadOnlyList<SafeHandle> descriptors, CancellationToken cancel)
    {
        ulong request = Interlocked.Increment(ref _lastRequest);
        TaskCompletionSource<Start> started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _starts[request] = started;
        try
        {
            await CallAsync(call, request, message, descriptors, cancel);
            if (_receiving.IsCompleted) started.TrySetException(ConnectionLost());
            Start start = await started.Task.WaitAsync(cancel);
            await AcknowledgeAsync(start.EventId, cancel);
            return start;
        }
        finally
        {
            _starts.TryRemove(request, out _);
        }
    }

    private async Task ReceiveLoopAsync()
    {
        try
        {
            bool ended = false;
            while (!ended)
                if (!TryTake(out ended)) await _socket.ReadableAsync(_closing.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or ErrnoException or InvalidDataException)
        {
            // All the same to those who wait: the connection is over.
        }

        if (!_closing.IsCancellationRequested)
        {
            // The kernel closes a dying process' sockets a moment before its pidfd tells; then a pause is gone with it.
            Task death = Process.WaitForExitAsync(CancellationToken.None);
            await Task.WhenAny(death, Task.Delay(TimeSpan.FromMilliseconds(500), CancellationToken.None));
            if (death.IsCompleted) Reap();
            _events.Writer.TryWrite(new HolderLost(HolderDied: death.IsCompleted));
        }
        _events.Writer.TryComplete();
        foreach (TaskCompletionSource<HolderMessage> reply in _replies.Values) reply.TrySetException(ConnectionLost());
        foreach (TaskCompletionSource<Start> start in _starts.Values) start.TrySetException(ConnectionLost());
    }

    /// <summary>Takes one message. Its buffer is borrowed for just that long: holders are many, and nearly always silent.</summary>
    /// <returns>False when there is none yet.</returns>
    private bool TryTake(out bool ended)
    {
        ended = false;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(HolderProtocol.MaxMessage);
        try
        {
            if (_socket.TryReceive(buffer.AsSpan(0, HolderProtocol.MaxMessage)) is not { } packet) return false;
            if (packet.Length == 0) ended = true;
            else if (HolderMessage.Decode(buffer.AsSpan(0, packet.Length)) is { } message) Dispatch(message, packet);
            else foreach (FileDescriptor fd in packet.Descriptors) fd.Dispose();
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static HolderException ConnectionLost() => new("wait for the answer", Errno.ECONNRESET, "the connection is gone");

    private void Dispatch(HolderMessage message, Packet packet)
    {
        FileDescriptor? terminal = packet.Descriptors.IsEmpty ? null : packet.Descriptors[0];
        if (message.Type is HolderMessageType.Started or HolderMessageType.StartFailed)
        {
            Start start = new(message.Number(HolderTag.Event), ResultOf(message), terminal);
            if (_starts.TryRemove(message.Request, out TaskCompletionSource<Start>? waiting) && waiting.TrySetResult(start)) return;
            terminal?.Dispose();        // whoever wanted it is gone
            _events.Writer.TryWrite(new LateStart(start.EventId, message.Text(HolderTag.Id), message.Text(HolderTag.ExecId), start.Result));
            return;
        }
        foreach (FileDescriptor fd in packet.Descriptors) fd.Dispose();
        if (message.Type == HolderMessageType.Reply)
        {
            if (_replies.TryRemove(message.Request, out TaskCompletionSource<HolderMessage>? waiting)) waiting.TrySetResult(message);
            return;
        }
        if (EventOf(message) is not { } happened) return;       // a newer holder's, of no meaning here
        if (happened is PauseExited) PausePid = 0;
        _events.Writer.TryWrite(happened);
    }

    private static RunResult ResultOf(HolderMessage m)
    {
        int signal = (int)m.Number(HolderTag.SignalNumber);
        return new RunResult((int)m.Number(HolderTag.Pid), signal != 0 ? 128 + signal : (int)m.Number(HolderTag.Code), m.Text(HolderTag.Text));
    }

    internal static HolderEvent? EventOf(HolderMessage m)
    {
        ulong id = m.Number(HolderTag.Event);
        string container = m.Text(HolderTag.Id), exec = m.Text(HolderTag.ExecId);
        return m.Type switch
        {
            HolderMessageType.Exited when exec.Length > 0 => new ExecExited(id, container, exec, ExitOf(m)),
            HolderMessageType.Exited => new ContainerExited(id, container, ExitOf(m)),
            HolderMessageType.PauseExited => new PauseExited(id, ExitOf(m)),
            HolderMessageType.LogDropped => new LogDropped(id, container, (long)m.Number(HolderTag.Dropped), (int)m.Number(HolderTag.Error)),
            _ => null,
        };
    }
}
