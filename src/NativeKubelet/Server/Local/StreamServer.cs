using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Sockets;
using NativeKubelet.Runtime;

namespace NativeKubelet.Server.Local;

/// <summary>
/// Accepts exec and attach sessions: one connection each. The client's own ends come along as fds, so that no byte of a
/// session passes through the agent, and a slow terminal slows nobody but itself.
/// </summary>
public sealed partial class StreamServer : IAsyncDisposable
{
    private const int MostSessions = 64;

    private static readonly TimeSpan NoDescriptorPause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly SeqPacketSocket _listening;
    private readonly IContainerRuntime _runtime;
    private readonly uint _owner;
    private readonly ILogger<StreamServer> _log;
    private readonly Task _loop;

    public StreamServer(IContainerRuntime runtime, DirectoryHandle directory, string name, uint ownerUid, ILogger<StreamServer> log)
    {
        (_runtime, _owner, _log) = (runtime, ownerUid, log);
        directory.Unlink(name);
        _listening = SeqPacketSocket.Bind($"{directory.Descriptor.ProcPath}/{name}");
        _listening.Listen(16);
        _loop = Task.Run(AcceptAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _listening.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        using SemaphoreSlim room = new(MostSessions);
        List<Task> open = [];
        try
        {
            while (true)
            {
                await room.WaitAsync(_stop.Token);
                SeqPacketSocket peer;
                try
                {
                    peer = await _listening.AcceptAsync(_stop.Token);
                }
                catch (ErrnoException e)
                {
                    // Out of fds: the connection waits in the queue until one is free.
                    room.Release();
                    AcceptFailed(e.Message);
                    await Task.Delay(NoDescriptorPause, _stop.Token);
                    continue;
                }
                open.RemoveAll(t => t.IsCompleted);
                open.Add(ServeAsync(peer, room));
            }
        }
        catch (OperationCanceledException)
        {
            // The agent ends.
        }
        await Task.WhenAll(open);
    }

    private async Task ServeAsync(SeqPacketSocket peer, SemaphoreSlim room)
    {
        using (peer)
        {
            try
            {
                if (peer.Peer.Uid == _owner) await new StreamSession(_runtime, peer).ServeAsync(_stop.Token);
                else PeerRefused(peer.Peer.Uid);
            }
            catch (Exception e) when (e is OperationCanceledException or ErrnoException)
            {
                // The client is gone, or the agent ends: there is nobody left to tell.
            }
            catch (Exception e)
            {
                // A session's own fault ends that session, never the server.
                SessionFailed(e);
            }
            finally
            {
                room.Release();
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "StreamPeerRefused: uid {Uid} may not talk to the agent")]
    private partial void PeerRefused(uint uid);

    [LoggerMessage(LogLevel.Error, "StreamAcceptFailed: {Cause}")]
    private partial void AcceptFailed(string cause);

    [LoggerMessage(LogLevel.Error, "StreamSessionFailed")]
    private partial void SessionFailed(Exception e);
}
