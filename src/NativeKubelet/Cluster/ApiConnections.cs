using System.Net.Sockets;

namespace NativeKubelet.Cluster;

/// <summary>One generation of connections to the API server, all made with the same credentials; they can be cut together.</summary>
internal sealed class ApiConnections : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<WeakReference<Stream>> _open = [];      // under _gate
    private readonly HttpMessageInvoker _invoker;
    private bool _closed;

    public ApiConnections(SocketsHttpHandler handler)
    {
        handler.ConnectCallback = ConnectAsync;
        _invoker = new HttpMessageInvoker(handler);
    }

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel) => _invoker.SendAsync(request, cancel);

    /// <summary>Idle ones end at once, others with what is under way on them.</summary>
    public void Dispose() => _invoker.Dispose();

    /// <summary>What is under way breaks off.</summary>
    public void Cut()
    {
        List<WeakReference<Stream>> open;
        lock (_gate)
        {
            _closed = true;
            open = [.. _open];
        }
        foreach (WeakReference<Stream> connection in open)
            if (connection.TryGetTarget(out Stream? stream)) stream.Dispose();
        _invoker.Dispose();
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // Where HTTP/2 and its pings are not to be had, the kernel asks whether anybody is there.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 10);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 2);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(context.DnsEndPoint, cancel);
            NetworkStream stream = new(socket, ownsSocket: true);
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_closed, this);
                _open.RemoveAll(static c => !c.TryGetTarget(out _));
                _open.Add(new(stream));
            }
            return stream;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
