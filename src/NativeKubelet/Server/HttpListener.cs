using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace NativeKubelet.Server;

/// <summary>Accepts connections on one address and serves each by the routes, at most <see cref="MostConnections"/> at a time.</summary>
public sealed partial class HttpListener(Routes routes, TimeProvider time, ILogger<HttpListener> log) : IAsyncDisposable
{
    private const int MostConnections = 64;

    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5), AcceptPause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];

    /// <summary>
    /// Listens on a TCP port. A port that is taken does not end the agent: it is said once and tried again every 5 s, as the
    /// original does with its health port.
    /// </summary>
    public void Listen(IPEndPoint endpoint) => _loops.Add(Task.Run(() => ListenAsync(endpoint)));

    /// <summary>Serves a socket that is bound and listens already; takes it over.</summary>
    /// <param name="admit">Looks at a new peer; false closes the connection unread.</param>
    public void Serve(Socket listening, Func<Socket, bool> admit) => _loops.Add(Task.Run(() => AcceptAsync(listening, admit)));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        _stop.Dispose();
    }

    private async Task ListenAsync(IPEndPoint endpoint)
    {
        bool told = false;
        while (!_stop.IsCancellationRequested)
        {
            Socket socket = new(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(endpoint);
                socket.Listen(16);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                if (!told) ListenFailed(endpoint.ToString(), e.Message);
                told = true;
                await Task.Delay(Retry, time, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
                continue;
            }
            ListeningStarted(endpoint.Address.ToString(), endpoint.Port);
            await AcceptAsync(socket, _ => true);
            return;
        }
    }

    private async Task AcceptAsync(Socket listening, Func<Socket, bool> admit)
    {
        using SemaphoreSlim room = new(MostConnections);
        List<Task> open = [];
        try
        {
            while (true)
            {
                await room.WaitAsync(_stop.Token);
                Socket peer;
                try
                {
                    peer = await listening.AcceptAsync(_stop.Token);
                }
                catch (SocketException e)
                {
                    // Out of fds, or gone again before it was taken: later connections are served all the same.
                    room.Release();
                    AcceptFailed(e.Message);
                    await Task.Delay(AcceptPause, time, _stop.Token);
                    continue;
                }
                open.RemoveAll(t => t.IsCompleted);
                open.Add(ServeAsync(peer, admit, room));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The agent ends.
        }
        finally
        {
            listening.Dispose();
            await Task.WhenAll(open);
        }
    }

    private async Task ServeAsync(Socket peer, Func<Socket, bool> admit, SemaphoreSlim room)
    {
        using HttpConnection connection = new(peer, routes, time);
        try
        {
            if (admit(peer)) await connection.ServeAsync(_stop.Token);
        }
        catch (Exception e)
        {
            // A handler's own fault ends its request, never the server.
            RequestFailed(e);
        }
        finally
        {
            room.Release();
        }
    }

    [LoggerMessage(LogLevel.Information, "Starting to listen address={Address} port={Port}")]
    private partial void ListeningStarted(string address, int port);

    [LoggerMessage(LogLevel.Error, "Failed to listen endpoint={Endpoint}: {Cause}; tried again every 5 s")]
    private partial void ListenFailed(string endpoint, string cause);

    [LoggerMessage(LogLevel.Error, "Failed to accept a connection: {Cause}")]
    private partial void AcceptFailed(string cause);

    [LoggerMessage(LogLevel.Error, "Request handler failed")]
    private partial void RequestFailed(Exception e);
}
