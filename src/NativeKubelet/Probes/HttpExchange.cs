using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using NativeKubelet.Core.Probes;

namespace NativeKubelet.Probes;

/// <summary>No answer came. The message says why in the original's words.</summary>
/// <param name="plainHttp">The server answered a TLS handshake in plain HTTP.</param>
internal sealed class HttpExchangeException(string message, bool plainHttp = false) : Exception(message)
{
    public bool PlainHttp { get; } = plainHttp;
}

/// <summary>
/// One GET on a connection of its own: no client object, pool or proxy, so that a probe costs little more than its socket.
/// </summary>
internal static class HttpExchange
{
    /// <summary>Goes after redirects as long as they stay on the host.</summary>
    /// <returns>The last answer: one that leads elsewhere is an answer too.</returns>
    /// <exception cref="HttpExchangeException">No answer came.</exception>
    /// <exception cref="OperationCanceledException">It takes too long.</exception>
    public static async Task<HttpAnswer> FollowAsync(HttpGet get, CancellationToken cancel)
    {
        for (int hops = 0; ; hops++)
        {
            HttpAnswer answer = await GetAsync(get, cancel);
            try
            {
                if (answer.Status is not (301 or 302 or 303 or 307 or 308) || get.Follow(answer.Location, hops) is not { } next) return answer;
                get = next;
            }
            catch (FormatException e)
            {
                throw new HttpExchangeException(e.Message);
            }
        }
    }

    /// <exception cref="HttpExchangeException">The server cannot be reached or speaks something else.</exception>
    /// <exception cref="OperationCanceledException">It takes too long.</exception>
    private static async Task<HttpAnswer> GetAsync(HttpGet get, CancellationToken cancel)
    {
        FirstBytes? raw = null;
        try
        {
            raw = new FirstBytes(await ProbeSocket.ConnectAsync(get.Host, get.Port, cancel));
            if (!get.Tls) return await SendAsync(raw, get, cancel);
            using SslStream tls = new(raw, leaveInnerStreamOpen: true);
#pragma warning disable CA5359 // A probe asks whether the server answers, not who it is; so does every kubelet.
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = get.Host, RemoteCertificateValidationCallback = (_, _, _, _) => true }, cancel);
#pragma warning restore CA5359
            return await SendAsync(tls, get, cancel);
        }
        catch (SocketException e)
        {
            throw new HttpExchangeException(ProbeSocket.Words(e, get.Authority));
        }
        catch (AuthenticationException) when (raw is { SawHttp: true })
        {
            throw new HttpExchangeException("http: server gave HTTP response to HTTPS client", plainHttp: true);
        }
        catch (AuthenticationException e)
        {
            throw new HttpExchangeException($"tls: {e.InnerException?.Message ?? e.Message}");
        }
        catch (IOException e)
        {
            throw raw is { SawHttp: true } && get.Tls
                ? new HttpExchangeException("http: server gave HTTP response to HTTPS client", plainHttp: true)
                : new HttpExchangeException(e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset } ? $"read tcp {get.Authority}: read: connection reset by peer" : e.Message);
        }
        catch (FormatException e)
        {
            throw new HttpExchangeException(e.Message);
        }
        finally
        {
            if (raw is not null) await raw.DisposeAsync();
        }
    }

    private static async Task<HttpAnswer> SendAsync(Stream stream, HttpGet get, CancellationToken cancel)
    {
        await stream.WriteAsync(get.ToBytes(), cancel);
        byte[] data = new byte[4096];
        int length = 0;
        while (true)
        {
            int count = await stream.ReadAsync(data.AsMemory(length), cancel);
            length += count;
            // Enough is enough: a server that never ends its answer is not listened to for ever.
            bool full = length > HttpAnswer.MostHeadBytes + 4 * ProbeOutcome.MostBytes;
            if (HttpAnswer.Parse(data.AsSpan(0, length), closed: count == 0) is { } answer && (answer.Complete || full || count == 0)) return answer;
            if (length == data.Length) Array.Resize(ref data, data.Length * 2);
        }
    }

    /// <summary>Remembers whether the peer began with "HTTP", which TLS does not tell once its handshake has failed.</summary>
    private sealed class FirstBytes(Socket socket) : NetworkStream(socket, ownsSocket: true)
    {
        private int _seen;
        private bool _differs;

        public bool SawHttp => _seen == 4 && !_differs;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = await base.ReadAsync(buffer, cancellationToken);
            for (int i = 0; i < count && _seen < 4; i++, _seen++) _differs |= buffer.Span[i] != "HTTP"u8[_seen];
            return count;
        }
    }
}
