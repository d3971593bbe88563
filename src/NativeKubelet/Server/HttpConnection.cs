using System.Buffers;
using System.Net.Sockets;
using System.Text;

namespace NativeKubelet.Server;

/// <summary>
/// One accepted connection: reads requests, hands each to the routes, writes the answers. Small on purpose: these sockets are
/// local, and an agent without an API server must not pay for a web server.
/// </summary>
public sealed class HttpConnection(Socket socket, Routes routes, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(60);

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(4096);
    private int _filled;

    /// <summary>Serves until the peer leaves, or is idle for too long.</summary>
    public async Task ServeAsync(CancellationToken cancel)
    {
        try
        {
            while (await ReadHeadAsync(cancel) is { } request)
            {
                byte[] body = await ReadBodyAsync(request.ContentLength, cancel);
                HttpResponse response = new(this, request);
                await routes.HandleAsync(request, body, response, cancel);
                await response.CompleteAsync(cancel);
                if (!request.KeepAlive) return;
            }
        }
        catch (HttpFormatException e)
        {
            await SendAsync(HttpResponse.Simple(e.Status, e.Message), cancel);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The peer went away or the agent ends: there is nobody left to tell.
        }
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (!bytes.IsEmpty) bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancel)..];
    }

    /// <summary>Completes when the peer has closed its side. Nothing else may read from the connection meanwhile.</summary>
    internal async Task PeerLeftAsync(CancellationToken cancel)
    {
        byte[] one = new byte[1];
        try
        {
            // Bytes that are there already are the next request: who sends one has not left.
            if (await socket.ReceiveAsync(one, SocketFlags.Peek, cancel) > 0) await Task.Delay(Timeout.InfiniteTimeSpan, time, cancel);
        }
        catch (SocketException)
        {
            // Reset: gone as well.
        }
    }

    public void Dispose()
    {
        socket.Dispose();
        byte[] buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    private async Task<HttpRequest?> ReadHeadAsync(CancellationToken cancel)
    {
        while (true)
        {
            int taken = HttpRequest.TryParse(_buffer.AsSpan(0, _filled), out HttpRequest? request);
            if (taken > 0)
            {
                _buffer.AsSpan(taken, _filled - taken).CopyTo(_buffer);
                _filled -= taken;
                return request;
            }
            if (!await FillAsync(cancel)) return null;
        }
    }

    private async Task<byte[]> ReadBodyAsync(int length, CancellationToken cancel)
    {
        if (length == 0) return [];
        while (_filled < length)
            if (!await FillAsync(cancel)) throw new HttpFormatException(400, "the body ended before its announced length");
        byte[] body = _buffer[..length];
        _buffer.AsSpan(length, _filled - length).CopyTo(_buffer);
        _filled -= length;
        return body;
    }

    private async Task<bool> FillAsync(CancellationToken cancel)
    {
        if (_filled == _buffer.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            _buffer.AsSpan(0, _filled).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        using CancellationTokenSource idle = new(IdleLimit, time);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(idle.Token, cancel);
        int read = await socket.ReceiveAsync(_buffer.AsMemory(_filled), SocketFlags.None, both.Token);
        _filled += read;
        return read > 0;
    }
}

/// <summary>The answer to one request: whole at once, or as a stream of chunks.</summary>
public sealed class HttpResponse(HttpConnection connection, HttpRequest request)
{
    private bool _started, _chunked;

    public static byte[] Simple(int status, string text, string type = "text/plain; charset=utf-8") => Whole(status, Encoding.UTF8.GetBytes(text), type);

    public Task TextAsync(int status, string text, CancellationToken cancel) =>
        BytesAsync(status, Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8", cancel);

    public async Task BytesAsync(int status, ReadOnlyMemory<byte> body, string type, CancellationToken cancel)
    {
        _started = true;
        byte[] whole = Whole(status, body.Span, type);
        // HEAD is told how long the answer would be, and gets none of it (RFC 9110 §9.3.2).
        await connection.SendAsync(request.Method == "HEAD" ? whole.AsMemory(0, whole.Length - body.Length) : whole, cancel);
    }

    /// <summary>Sends one chunk at once; the first call sends the head.</summary>
    public async Task ChunkAsync(ReadOnlyMemory<byte> bytes, string type, CancellationToken cancel)
    {
        if (!_started)
        {
            _started = _chunked = true;
            await connection.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\nTransfer-Encoding: chunked\r\n\r\n"), cancel);
        }
        if (bytes.IsEmpty) return;
        byte[] size = Encoding.ASCII.GetBytes($"{bytes.Length:x}\r\n");
        await connection.SendAsync((byte[])[.. size, .. bytes.Span, .. "\r\n"u8], cancel);
    }

    /// <summary>For answers that may never end: its token is cancelled when the peer leaves.</summary>
    public PeerWatch WatchPeer(CancellationToken cancel) => new(connection, cancel);

    internal async Task CompleteAsync(CancellationToken cancel)
    {
        if (!_started) await TextAsync(404, $"no such path: {request.Path}\n", cancel);
        else if (_chunked) await connection.SendAsync("0\r\n\r\n"u8.ToArray(), cancel);
    }

    private static byte[] Whole(int status, ReadOnlySpan<byte> body, string type)
    {
        byte[] head = Encoding.ASCII.GetBytes($"HTTP/1.1 {status} {Phrase(status)}\r\nContent-Type: {type}\r\nX-Content-Type-Options: nosniff\r\nContent-Length: {body.Length}\r\n\r\n");
        return [.. head, .. body];
    }

    private static string Phrase(int status) => status switch
    {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => status >= 500 ? "Internal Server Error" : "Status",
    };
}
