using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace NativeKubelet.Server.Tls;

/// <summary>
/// The layer between sockets and HTTP: a handshake with the certificate of the moment, and a client certificate asked for but not
/// required. A certificate is looked at per request, so that one of a foreign authority is told 401 and not cut off.
/// </summary>
internal sealed partial class TlsListener(Func<SslStreamCertificateContext?> certificate, TlsRules rules, TimeProvider time, ILogger<TlsListener> log)
{
    private static readonly TimeSpan HandshakePatience = TimeSpan.FromSeconds(10);

    private static readonly StreamPipeReaderOptions Reading = new(leaveOpen: true, useZeroByteReads: true);
    private static readonly StreamPipeWriterOptions Writing = new(leaveOpen: true);

    public ConnectionDelegate Over(ConnectionDelegate http) => connection => ServeAsync(connection, http);

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate http)
    {
        IDuplexPipe plain = connection.Transport;
        using TlsPeer peer = new();
        await using SslStream tls = new(new PipeStream(plain.Input, plain.Output), leaveInnerStreamOpen: false);
        if (!await HandshakeAsync(tls, peer, connection)) return;
        connection.Features.Set(peer);
        PipeReader input = PipeReader.Create(tls, Reading);
        PipeWriter output = PipeWriter.Create(tls, Writing);
        connection.Transport = new Pipes(input, output);
        try
        {
            await http(connection);
        }
        finally
        {
            await input.CompleteAsync();
            await output.CompleteAsync();
            connection.Transport = plain;
        }
    }

    private async Task<bool> HandshakeAsync(SslStream tls, TlsPeer peer, ConnectionContext connection)
    {
        if (certificate() is not { } own)
        {
            HandshakeFailed(connection.RemoteEndPoint?.ToString(), "no serving certificate available for the kubelet");
            return false;
        }
        using CancellationTokenSource patience = new(HandshakePatience, time);
        try
        {
            await tls.AuthenticateAsServerAsync(Options(own, peer), patience.Token);
            return true;
        }
        catch (Exception e) when (e is AuthenticationException or IOException or OperationCanceledException or CryptographicException or ConnectionAbortedException or InvalidOperationException)
        {
            HandshakeFailed(connection.RemoteEndPoint?.ToString(), e.InnerException?.Message ?? e.Message);
            return false;
        }
    }

    private SslServerAuthenticationOptions Options(SslStreamCertificateContext own, TlsPeer peer) => new()
    {
        ServerCertificateContext = own,
        EnabledSslProtocols = rules.Protocols,
        CipherSuitesPolicy = rules.Ciphers,
        ApplicationProtocols = [SslApplicationProtocol.Http11],
        AllowRenegotiation = false,
        // A session that goes on from an earlier one brings no intermediate certificates along, and its client would be another than before.
        AllowTlsResume = false,
        ClientCertificateRequired = true,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        // The chain that is built here is not the one that counts: it must only cost nothing and ask nobody.
        CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true },
        RemoteCertificateValidationCallback = (_, presented, chain, _) => peer.TryPresent(presented, chain),
    };

    [LoggerMessage(LogLevel.Debug, "TlsHandshakeFailed peer={Peer}: {Cause}")]
    private partial void HandshakeFailed(string? peer, string cause);

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
