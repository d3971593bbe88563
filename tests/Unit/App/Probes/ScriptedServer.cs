using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace NativeKubelet.Tests.Unit.App.Probes;

/// <summary>A server on the loopback that does to each connection what a test says.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _accepting;

    public ScriptedServer(Func<Stream, CancellationToken, Task> script, bool tls = false)
    {
        _listener.Start();
        _accepting = AcceptAsync(script, tls);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Answers each request with what the function makes of its head.</summary>
    public static ScriptedServer Http(Func<string, string> answer, bool tls = false) => new(async (stream, cancel) =>
        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer(await HeadAsync(stream, cancel))), cancel), tls);

    /// <summary>The head of an HTTP/1.1 request.</summary>
    public static async Task<string> HeadAsync(Stream stream, CancellationToken cancel)
    {
        byte[] data = new byte[8192];
        int length = 0;
        while (!data.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
        {
            int count = await stream.ReadAsync(data.AsMemory(length), cancel);
            if (count == 0) throw new IOException("the client went away");
            length += count;
        }
        return Encoding.ASCII.GetString(data, 0, length);
    }

    /// <summary>Speaks as much HTTP/2 as one call needs.</summary>
    /// <param name="code">grpc-status.</param>
    public static ScriptedServer Grpc(byte[] message, int code = 0) => new(async (stream, cancel) =>
    {
        byte[] preface = new byte[24];
        await stream.ReadExactlyAsync(preface, cancel);
        await stream.WriteAsync(Frame(4, 0, 0, []), cancel);        // SETTINGS
        while (true)
        {
            byte[] head = new byte[9];
            if (await stream.ReadAtLeastAsync(head, 9, throwOnEndOfStream: false, cancel) < 9) return;
            byte[] body = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
            await stream.ReadExactlyAsync(body, cancel);
            if (head[3] == 4 && (head[4] & 1) == 0) await stream.WriteAsync(Frame(4, 1, 0, []), cancel);
            if (head[3] != 0 || (head[4] & 1) == 0) continue;        // DATA with END_STREAM: the question is complete
            byte[] trailers = [0, 11, .. "grpc-status"u8, (byte)code.ToString().Length, .. Encoding.ASCII.GetBytes(code.ToString()), 0, 12, .. "grpc-message"u8, 3, .. "why"u8];
            await stream.WriteAsync((byte[])[.. Frame(1, 4, 1, [0x88]), .. Frame(0, 0, 1, message), .. Frame(1, 5, 1, trailers)], cancel);
        }
    });

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _end.Dispose();
    }

    private static byte[] Frame(byte type, byte flags, byte stream, byte[] body) =>
        [(byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, type, flags, 0, 0, 0, stream, .. body];

    private async Task AcceptAsync(Func<Stream, CancellationToken, Task> script, bool tls)
    {
        using X509Certificate2? certificate = tls ? SelfSigned() : null;
        List<Task> served = [];
        try
        {
            while (true) served.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token), certificate, script));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(served);
        }
    }

    private async Task ServeAsync(TcpClient client, X509Certificate2? certificate, Func<Stream, CancellationToken, Task> script)
    {
        using TcpClient served = client;
        try
        {
            Stream stream = client.GetStream();
            if (certificate is not null)
            {
                SslStream secure = new(stream);
                await secure.AuthenticateAsServerAsync(certificate);
                stream = secure;
            }
            await script(stream, _end.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or System.Security.Authentication.AuthenticationException)
        {
            // The other side went away, or the test is over.
        }
    }

    private static X509Certificate2 SelfSigned()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=nobody", key, HashAlgorithmName.SHA256);
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(1));      // expired, too
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
