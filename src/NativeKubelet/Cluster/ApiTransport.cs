using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using NativeKubelet.Config;

namespace NativeKubelet.Cluster;

/// <summary>
/// Connections to the API server. Nothing of HTTP or TLS is touched before the first request. A connection that went silent is
/// noticed within seconds; <see cref="Renew"/> and <see cref="Close"/> leave connections behind that are not trusted any more.
/// </summary>
public sealed class ApiTransport(Kubeconfig cluster, ApiCredentials credentials, TimeProvider time) : IDisposable
{
    // A pod that is bound here meanwhile waits that long; the original's 30 and 15 s are longer than a lease lives.
    private static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(10), PingPatience = TimeSpan.FromSeconds(5);

    // Any value turns HTTP/2 off, as every client of Kubernetes agrees.
    private static readonly Version Preferred = Environment.GetEnvironmentVariable("DISABLE_HTTP2") is { Length: > 0 } ? HttpVersion.Version11 : HttpVersion.Version20;

    private readonly Lock _gate = new();
    private ApiConnections? _connections;      // under _gate
    private ClientCertificate? _shown;         // by which they were made

    public ApiMeasures Measures { get; } = new(cluster.Server.Authority);

    /// <summary>Signs and sends; returns when the headers of the answer are here.</summary>
    /// <exception cref="ApiException">No answer: the message holds the cause.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        request.Version = Preferred;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionOrLower;
        request.Headers.TryAddWithoutValidation("User-Agent", $"kubelet/{KubeletVersion.Text} (linux/{Architecture}) nativekubelet");
        await credentials.SignAsync(request, cancel);
        long begun = time.GetTimestamp();
        string? code = null;
        try
        {
            HttpResponseMessage answer = await Connections().SendAsync(request, cancel);
            code = ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture);
            if (answer.StatusCode == HttpStatusCode.Unauthorized) credentials.Refused();
            return answer;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or AuthenticationException or ConfigException or ObjectDisposedException)
        {
            throw new ApiException(0, "", $"{request.Method} {request.RequestUri!.AbsolutePath}: {Innermost(e)}", inner: e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new ApiException(0, "", $"{request.Method} {request.RequestUri!.AbsolutePath}: no connection to {cluster.Server.Authority} in time", inner: e);
        }
        finally
        {
            Measures.Answered(request.Method.Method, code, time.GetElapsedTime(begun));
        }
    }

    /// <summary>The next request makes a new connection, with the credentials as they are then; requests under way go on.</summary>
    public void Renew()
    {
        // Not disposed of: a request that has just got hold of them must find them usable; they end by the idle limit.
        lock (_gate) _connections = null;
    }

    /// <summary>As <see cref="Renew"/>, and requests under way break off too: nothing goes on with the former credentials.</summary>
    public void Close()
    {
        ApiConnections? former;
        lock (_gate) (former, _connections) = (_connections, null);
        former?.Cut();
    }

    public void Dispose()
    {
        lock (_gate) _connections?.Dispose();
    }

    internal static string Architecture => System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };

    private ApiConnections Connections()
    {
        lock (_gate)
        {
            ClientCertificate? certificate;
            try
            {
                certificate = credentials.Certificate();
            }
            catch (ConfigException) when (_connections is not null)
            {
                return _connections;    // somebody is writing it, and those that are open do not need it
            }
            if (_connections is not null && ReferenceEquals(certificate, _shown)) return _connections;
            _connections?.Cut();
            (_connections, _shown) = (new ApiConnections(Handler(certificate)), certificate);
            return _connections;
        }
    }

    private SocketsHttpHandler Handler(ClientCertificate? certificate) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        Proxy = cluster.Proxy is { } proxy ? new WebProxy(proxy) : null,
        UseProxy = cluster.Proxy is not null || Environment.GetEnvironmentVariable("HTTPS_PROXY") is { Length: > 0 },
        ConnectTimeout = TimeSpan.FromSeconds(30),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(90),
        KeepAlivePingDelay = PingAfter,
        KeepAlivePingTimeout = PingPatience,
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        SslOptions = Tls(certificate),
    };

    private SslClientAuthenticationOptions Tls(ClientCertificate? certificate)
    {
        X509ChainPolicy policy = new() { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        X509Certificate2Collection authorities = cluster.Authorities();
        if (authorities.Count > 0)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }
        SslClientAuthenticationOptions options = new()
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateChainPolicy = policy,
            TargetHost = cluster.TlsServerName ?? cluster.Server.Host,
            ClientCertificateContext = certificate?.Shown,
        };
        if (cluster.Insecure) options.RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null;
        return options;
    }

    private static string Innermost(Exception e)
    {
        while (e.InnerException is { } inner) e = inner;
        return e.Message.TrimEnd('.');
    }
}
