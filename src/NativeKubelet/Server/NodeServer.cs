using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using NativeKubelet.Server.Tls;

namespace NativeKubelet.Server;

/// <summary>
/// The node's own ports (spec 20 §8): 10250 with TLS, and the read-only one where it is asked for. Kestrel without anything around
/// it: no host, no routing, no container of services. HTTP/1.1 only, as upgrades need it.
/// </summary>
internal sealed class NodeServer : IAsyncDisposable
{
    // As in the original; a request line holds the words of an exec.
    private const int LongestRequestLine = 256 << 10, LongestHeaders = 128 << 10, MostBody = 1 << 20;
    private const int MostConnections = 512, MostUpgraded = 512, KeepAliveSeconds = 15;
    private static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(90), HeadersLimit = TimeSpan.FromSeconds(30), StopPatience = TimeSpan.FromMilliseconds(200);

    private readonly KestrelServer _server;

    private NodeServer(KestrelServer server) => _server = server;

    /// <summary>Listens when it returns.</summary>
    /// <param name="secure">Null: no port with TLS.</param>
    /// <param name="readOnly">Null: no port without.</param>
    /// <exception cref="IOException">A port cannot be had.</exception>
    public static async Task<NodeServer> OpenAsync(IPEndPoint? secure, TlsListener? tls, IPEndPoint? readOnly, NodeApplication application, CancellationToken cancel)
    {
        KestrelServerOptions options = new() { AddServerHeader = false };
        KestrelServerLimits limits = options.Limits;
        limits.MaxRequestLineSize = LongestRequestLine;
        limits.MaxRequestHeadersTotalSize = LongestHeaders;
        limits.MaxRequestBodySize = MostBody;
        limits.MaxConcurrentConnections = MostConnections;
        limits.MaxConcurrentUpgradedConnections = MostUpgraded;
        limits.KeepAliveTimeout = IdleLimit;
        limits.RequestHeadersTimeout = HeadersLimit;
        // Whoever follows a log may read it as slowly as he likes.
        limits.MinResponseDataRate = null;
        if (secure is not null) options.Listen(secure, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(tls!.Over);
        });
        if (readOnly is not null) options.Listen(readOnly, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(static http => connection =>
            {
                connection.Features.Set(ReadOnlyPort.Mark);
                return http(connection);
            });
        });
        SocketTransportFactory sockets = new(Options.Create(new SocketTransportOptions { CreateBoundListenSocket = Bind }), NullLoggerFactory.Instance);
        KestrelServer server = new(Options.Create(options), sockets, NullLoggerFactory.Instance);
        try
        {
            await server.StartAsync<HttpContext>(application, cancel);
        }
        catch
        {
            server.Dispose();
            throw;
        }
        return new(server);
    }

    /// <summary>Who follows a silent log and whose machine is gone is noticed by the kernel; each connection has this from the socket that took it.</summary>
    private static Socket Bind(EndPoint endpoint)
    {
        Socket socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveSeconds);
        return socket;
    }

    /// <summary>Requests under way are cut off: nobody who waits for a log's end would ever let go.</summary>
    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource patience = new(StopPatience);
        await _server.StopAsync(patience.Token);
        _server.Dispose();
    }
}

/// <summary>A connection of the port without TLS, where nobody is asked who he is and little is shown.</summary>
internal sealed class ReadOnlyPort
{
    private ReadOnlyPort()
    {
    }

    public static ReadOnlyPort Mark { get; } = new();
}
