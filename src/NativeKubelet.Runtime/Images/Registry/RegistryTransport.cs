using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>
/// Connections, shared by hosts that are trusted alike. Nothing of HTTP or TLS is touched before the first request: a node
/// that pulls nothing must not pay for it.
/// </summary>
internal sealed class RegistryTransport(RegistrySettings settings) : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const int MostTrusts = 32;
    private readonly Dictionary<string, HttpMessageInvoker> _invokers = [];
    private bool _disposed;

    /// <summary>Sends, and returns when the headers of the answer are here. Redirects are the caller's.</summary>
    /// <exception cref="RegistryFailure">Unreachable, Silent, Untrusted, Passing.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HostTls tls, TimeProvider time, CancellationToken cancel)
    {
        request.Headers.UserAgent.TryParseAdd(settings.UserAgent);
        using CancellationTokenSource silent = new(settings.AnswerTimeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancel, silent.Token);
        try
        {
            return await Invoker(tls).SendAsync(request, either.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            // The connect limit of the handler cancels without either token.
            string limit = silent.IsCancellationRequested ? $"no answer within {settings.AnswerTimeout.TotalSeconds:0} s" : "no connection in time";
            throw new RegistryFailure(FailureKind.Silent, limit, inner: e);
        }
        catch (HttpRequestException e)
        {
            throw Failure(e);
        }
        catch (IOException e)
        {
            throw new RegistryFailure(FailureKind.Passing, e.Message, inner: e);
        }
    }

    public void Dispose()
    {
        lock (_invokers)
        {
            _disposed = true;
            foreach (HttpMessageInvoker invoker in _invokers.Values) invoker.Dispose();
            _invokers.Clear();
        }
    }

    private static RegistryFailure Failure(HttpRequestException e)
    {
        string cause = (e.InnerException ?? e).Message.TrimEnd('.');
        return e.HttpRequestError switch
        {
            HttpRequestError.NameResolutionError => new(FailureKind.Unreachable, $"the name cannot be resolved: {cause}", inner: e),
            HttpRequestError.ConnectionError or HttpRequestError.ProxyTunnelError => new(FailureKind.Unreachable, $"cannot connect: {cause}", inner: e),
            HttpRequestError.SecureConnectionError => new(FailureKind.Untrusted, $"no trusted TLS connection: {cause}", inner: e),
            HttpRequestError.ConfigurationLimitExceeded => new(FailureKind.Refused, $"the answer's headers are too large: {cause}", inner: e),
            _ => new(FailureKind.Passing, $"the connection broke: {cause}", inner: e),
        };
    }

    private HttpMessageInvoker Invoker(HostTls tls)
    {
        string key = Key(tls);
        lock (_invokers)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_invokers.TryGetValue(key, out HttpMessageInvoker? invoker)) return invoker;
            // Certificates were renewed that often: older connections end by themselves once nobody uses them.
            if (_invokers.Count >= MostTrusts) _invokers.Clear();
            return _invokers[key] = new HttpMessageInvoker(Handler(tls));
        }
    }

    private SocketsHttpHandler Handler(HostTls tls) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        Proxy = settings.Proxy,
        ConnectTimeout = tls.DialTimeout ?? settings.DialTimeout,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(15),
        MaxResponseHeadersLength = 64,
        // What is left of an answer that is not wanted is not worth waiting for.
        MaxResponseDrainSize = 64 * 1024,
        SslOptions = Tls(tls),
    };

    private static SslClientAuthenticationOptions Tls(HostTls tls)
    {
        // A server's certificate must not make us fetch anything from where it points to.
        X509ChainPolicy policy = new() { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        SslClientAuthenticationOptions options = new() { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13, CertificateChainPolicy = policy };
        X509Certificate2Collection clients = [.. tls.Clients.Select(c => Load(c.CertificateFile, f => X509Certificate2.CreateFromPemFile(f, c.KeyFile)))];
        if (clients.Count > 0)
        {
            options.ClientCertificates = clients;
            options.LocalCertificateSelectionCallback = (_, _, _, _, _) => clients[0];
        }
        if (!tls.SkipVerify && tls.Authorities.IsEmpty) return options;
        X509Certificate2Collection authorities = [];
        foreach (string file in tls.Authorities) authorities.AddRange(Load(file, Authorities));
        options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => tls.SkipVerify || errors == SslPolicyErrors.None
            || (errors == SslPolicyErrors.RemoteCertificateChainErrors && certificate is X509Certificate2 server && Trusts(authorities, server, chain));
        return options;
    }

    /// <summary>The system's authorities did not vouch for it (and its name is right); one of these may.</summary>
    private static bool Trusts(X509Certificate2Collection authorities, X509Certificate2 server, X509Chain? presented)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        if (presented is not null) chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        return chain.Build(server);
    }

    private static X509Certificate2Collection Authorities(string file)
    {
        X509Certificate2Collection all = [];
        all.ImportFromPemFile(file);
        return all.Count > 0 ? all : throw new CryptographicException("holds no certificate in PEM form");
    }

    private static T Load<T>(string file, Func<string, T> load)
    {
        try
        {
            return load(file);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new RegistryFailure(FailureKind.Refused, $"certificate {file}: {e.Message}", inner: e);
        }
    }

    /// <summary>Files are told apart by their time of writing too, so that renewed certificates count from the next pull on.</summary>
    private static string Key(HostTls tls)
    {
        static string Of(string file) => $"{file}\0{File.GetLastWriteTimeUtc(file).Ticks}\0";
        return string.Concat(
            [$"{tls.SkipVerify}\0{tls.DialTimeout}\0", .. tls.Authorities.Select(Of), "\0", .. tls.Clients.Select(c => Of(c.CertificateFile) + Of(c.KeyFile))]);
    }
}
