using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace NativeKubelet.Tests.Cluster;

/// <summary>Stands between node and API server, and can lose its connections without a word, as a router does that forgets them.</summary>
internal sealed class SilentRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<TcpClient> _open = [];
    private readonly int _to;
    private readonly Task _accepting;
    private CancellationTokenSource _speech;

    /// <param name="to">A port of the loopback.</param>
    public SilentRelay(int to)
    {
        (_to, _speech) = (to, CancellationTokenSource.CreateLinkedTokenSource(_end.Token));
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Connections that are open stay so, and nothing comes through any more. Later ones work.</summary>
    public void Silence() => Interlocked.Exchange(ref _speech, CancellationTokenSource.CreateLinkedTokenSource(_end.Token)).Cancel();

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await _accepting;
        foreach (TcpClient client in _open) client.Dispose();
        _speech.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> served = [];
        try
        {
            while (true)
            {
                TcpClient near = await _listener.AcceptTcpClientAsync(_end.Token), far = new();
                _open.Add(near);
                _open.Add(far);
                await far.ConnectAsync(IPAddress.Loopback, _to, _end.Token);
                CancellationToken speech = _speech.Token;
                served.Add(CopyAsync(near, far, speech));
                served.Add(CopyAsync(far, near, speech));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(served);
        }
    }

    private static async Task CopyAsync(TcpClient from, TcpClient to, CancellationToken speech)
    {
        try
        {
            await from.GetStream().CopyToAsync(to.GetStream(), speech);
            to.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // One side went away, or nothing is to come through any more.
        }
    }
}
