using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NativeKubelet.Config;

namespace NativeKubelet.Cluster;

/// <summary>
/// Connections to the API server. Nothing of HTTP or TLS is touched before the first request. A connection that went silent is
/// noticed within seconds; one that used an old certificate is left behind by <see cref="Renew"/>.
/// </summary>
public sealed class ApiTransport(Kubeconfig cluster, ApiCredentials credentials) : IDisposable
{
    private static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(30), PingPatience = TimeSpan.FromSeconds(15);

    // Any value turns HTTP/2 off, as every client of Kubernetes agrees.
    private static readonly Version Preferred = Environment.GetEnvironmentVariable("DISABLE_HTTP2") is { Length: > 0 } ? HttpVersion.Version11 : HttpVersion.Version20;

    private readonly Lock _gate = new();
    private HttpMessageInvoker? _invoker;

    /// <summary>Signs and sends; returns when the headers of the answer are here.</summary>
    /// <exception cref="ApiException">No answer: the message holds the cause.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        request.Version = Preferred;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionOrLower;
        request.Headers.TryAddWithoutValidation("User-Agent", $"kubelet/{KubeletVersion.Text} (linux/{Architecture}) nativekubelet");
        await credentials.SignAsync(request, cancel);
        try
        {
            HttpResponseMessage answer = await Invoker().SendAsync(request, cancel);
            if (answer.StatusCode == HttpStatusCode.Unauthorized) credentials.Refused();
            return answer;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or AuthenticationException or ConfigException)
        {
            throw new ApiException(0, "", $"{request.Method} {request.RequestUri!.AbsolutePath}: {Innermost(e)}", inner: e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new ApiException(0, "", $"{request.Method} {request.RequestUri!.AbsolutePath}: no connection to {cluster.Server.Authority} in time", inner: e);
        }
    }

    /// <summary>The next request makes a new connection, with the credentials as they are then; requests under way go on.</summary>
    public void Renew()
    {
        // Not disposed of: what is under way keeps its connection, and the rest ends by the idle limit.
        lock (_gate) _invoker = null;
    }

    public void Dispose()
    {
        lock (_gate) _invoker?.Dispose();
    }

    internal static string Architecture => System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };

    private HttpMessageInvoker Invoker()
    {
        lock (_gate) return _invoker ??= new HttpMessageInvoker(Handler());
    }

    private SocketsHttpHandler Handler() => new()
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
        SslOptions = Tls(),
    };

    private SslClientAuthenticationOptions Tls()
    {
        X509ChainPolicy policy = new() { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        X509Certificate2Collection authorities = Authorities();
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
            LocalCertificateSelectionCallback = (_, _, _, _, _) => credentials.Certificate()!,
        };
        if (cluster.Insecure) options.RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null;
        return options;
    }

    private X509Certificate2Collection Authorities()
    {
        X509Certificate2Collection all = [];
        try
        {
            if (cluster.AuthorityPem is { } pem) all.ImportFromPem(pem);
            else if (cluster.AuthorityFile is { } file) all.ImportFromPemFile(file);
            else return all;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"certificate-authority {cluster.AuthorityFile ?? "data"}: {e.Message}", e);
        }
        return all.Count > 0 ? all : throw new ConfigException($"certificate-authority {cluster.AuthorityFile ?? "data"} holds no certificate in PEM form");
    }

    private static string Innermost(Exception e)
    {
        while (e.InnerException is { } inner) e = inner;
        return e.Message.TrimEnd('.');
    }
}
