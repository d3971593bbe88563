using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Cluster;

/// <summary>The port of a node that has no API server to ask, and the certificates of both sides.</summary>
public sealed class LoneServerTests : IAsyncDisposable
{
    private readonly ApiAuthority _authority = new();
    private readonly AgentHost _agent = new(withImage: false);
    private readonly int _port = LoopbackPort.Free(), _readOnly = LoopbackPort.Free();

    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync();
        _authority.Dispose();
    }

    [Fact]
    public async Task A_node_alone_serves_the_masters_that_its_authority_names_and_nobody_else()
    {
        await StartAsync();
        using X509Certificate2 master = _authority.IssueClient("admin", TimeSpan.FromHours(1), ApiUser.Admins), other = _authority.IssueClient("jane", TimeSpan.FromHours(1), "dev");

        Assert.Equal((HttpStatusCode.OK, "ok"), await AskAsync(Https("/healthz"), master));
        Assert.Equal((HttpStatusCode.Forbidden, "Forbidden (user=jane, verb=get, resource=nodes, subresource(s)=[healthz proxy])\n"), await AskAsync(Https("/healthz"), other));
        Assert.Equal((HttpStatusCode.Unauthorized, "Unauthorized"), await AskAsync(Https("/healthz"), null, token: "any"));
    }

    [Fact]
    public async Task The_port_without_TLS_shows_little_and_runs_nothing()
    {
        await StartAsync($"--read-only-port={_readOnly}");

        Assert.Equal((HttpStatusCode.OK, "ok"), await AskAsync(Http("/healthz"), null));
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(Http("/metrics"), null)).Item1);
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "Debug endpoints are disabled.\n"), await AskAsync(Http("/exec/a/b/c?command=id"), null));
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "Debug endpoints are disabled.\n"), await AskAsync(Http("/containerLogs/a/b/c"), null));
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(Http("/configz"), null)).Item1);
    }

    [Fact]
    public async Task A_client_is_known_by_an_authority_in_between_that_it_brings_along()
    {
        await StartAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=between", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 signed = request.Create(_authority.Root, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddHours(1), RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 between = signed.CopyWithPrivateKey(key);
        using ECDsa own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 leaf = new CertificateRequest($"O={ApiUser.Admins}, CN=admin", own, HashAlgorithmName.SHA256)
            .Create(between, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(50), RandomNumberGenerator.GetBytes(8)).CopyWithPrivateKey(own);

        // Twice, each on a connection of its own: one that goes on from an earlier session must know no less.
        for (int i = 0; i < 2; i++) Assert.Equal((HttpStatusCode.OK, "ok"), await AskAsync(Https("/healthz"), leaf, chain: [signed]));
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(Https("/healthz"), leaf)).Item1);
    }

    [Fact]
    public async Task A_new_serving_certificate_is_shown_from_the_next_connection_on_and_a_broken_one_never()
    {
        Put(_authority, "tls");
        await StartAsync($"--tls-cert-file={_agent["tls.crt"]}", $"--tls-private-key-file={_agent["tls.key"]}");
        string first = await ShownAsync();

        File.WriteAllText(_agent["tls.crt"], "broken");
        Assert.Equal(first, await ShownAsync());
        Put(_authority, "tls");
        Assert.NotEqual(first, await ShownAsync());
    }

    private async Task StartAsync(params string[] more)
    {
        File.WriteAllText(_agent["ca.crt"], _authority.RootPem);
        await _agent.LaunchedAsync(["--address=127.0.0.1", $"--port={_port}", $"--cert-dir={_agent["pki"]}", $"--client-ca-file={_agent["ca.crt"]}", .. more]);
        await _agent.SaidAsync("Started kubelet");
    }

    private Uri Https(string path) => new($"https://127.0.0.1:{_port}{path}");

    private Uri Http(string path) => new($"http://127.0.0.1:{_readOnly}{path}");

    private void Put(ApiAuthority authority, string name)
    {
        using X509Certificate2 pair = authority.IssueServer("node");
        // The key first, so that there is no moment in which the two look right and are not.
        File.WriteAllText(_agent[$"{name}.key"], pair.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(_agent[$"{name}.crt"], pair.ExportCertificatePem());
    }

    private async Task<string> ShownAsync()
    {
        string shown = "";
        using TcpClient tcp = new();
        await tcp.ConnectAsync(IPAddress.Loopback, _port, AgentHost.Deadline());
        await using SslStream tls = new(tcp.GetStream(), false, (_, certificate, _, _) => (shown = certificate!.GetCertHashString()).Length > 0);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "node" }, AgentHost.Deadline());
        return shown;
    }

    private static async Task<(HttpStatusCode, string)> AskAsync(Uri url, X509Certificate2? certificate, string? token = null, X509Certificate2Collection? chain = null)
    {
        SslClientAuthenticationOptions tls = new() { RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null };
        if (certificate is not null) tls.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true);
        using HttpClient client = new(new SocketsHttpHandler { SslOptions = tls });
        if (token is not null) client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        using HttpResponseMessage answer = await client.GetAsync(url, AgentHost.Deadline());
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(AgentHost.Deadline()));
    }
}
