using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Cluster;
using NativeKubelet.Server.Tls;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Server.Tls;

/// <summary>Certificates of an authority below the one that the other side knows: that one is to be shown along.</summary>
public sealed class ChainTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Authority _root = Authority.Make("root", null);
    private readonly Authority _between;

    public ChainTests() => _between = Authority.Make("between", _root);

    public void Dispose()
    {
        _directory.Dispose();
        _between.Certificate.Dispose();
        _root.Certificate.Dispose();
    }

    [Fact]
    public async Task A_serving_certificate_is_shown_with_what_is_between_it_and_its_authority()
    {
        _between.Issue("node", _directory["serving.crt"], _directory["serving.key"]);
        ServingCertificate serving = new(_directory["serving.crt"], _directory["serving.key"], NullLogger<ServingCertificate>.Instance);
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task server = Task.Run(async () =>
        {
            using TcpClient accepted = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
            await using SslStream tls = new(accepted.GetStream());
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = serving.Current() }, TestContext.Current.CancellationToken);
        }, TestContext.Current.CancellationToken);
        using TcpClient client = new();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint, TestContext.Current.CancellationToken);
        await using SslStream asking = new(client.GetStream());

        await asking.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = _root.Trusted() }, TestContext.Current.CancellationToken);

        await server;
    }

    [Theory]
    [InlineData("files")]
    [InlineData("data")]
    public async Task A_client_certificate_is_shown_with_what_is_between_it_and_its_authority(string form)
    {
        _root.Issue("apiserver", _directory["server.crt"], _directory["server.key"]);
        _between.Issue("system:node:a", _directory["client.crt"], _directory["client.key"]);
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task<string> server = Task.Run(() => AnswerAsync(listener), TestContext.Current.CancellationToken);
        File.WriteAllText(_directory["kubeconfig"], $$"""
            apiVersion: v1
            kind: Config
            current-context: c
            clusters: [{name: x, cluster: {server: "https://localhost:{{((IPEndPoint)listener.LocalEndpoint).Port}}", certificate-authority-data: {{Base64(_root.Certificate.ExportCertificatePem())}}} }]
            contexts: [{name: c, context: {cluster: x, user: u} }]
            users: [{name: u, user: {{(form == "files"
                ? $"{{client-certificate: {_directory["client.crt"]}, client-key: {_directory["client.key"]}}}"
                : $"{{client-certificate-data: {Base64(File.ReadAllText(_directory["client.crt"]))}, client-key-data: {Base64(File.ReadAllText(_directory["client.key"]))}}}")}} }]
            """);
        using ClusterAccess access = ClusterAccess.Open(Kubeconfig.Load(_directory["kubeconfig"]), null, default, TimeProvider.System);

        V1Node node = await access.Client.GetAsync<V1Node>("api/v1/nodes/a", TestContext.Current.CancellationToken);

        Assert.Equal(("Node", "CN=system:node:a"), (node.Kind, await server));
    }

    /// <summary>One request on one connection, of a client whose certificate leads to the root.</summary>
    private async Task<string> AnswerAsync(TcpListener listener)
    {
        using TcpClient accepted = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await using SslStream tls = new(accepted.GetStream());
        using X509Certificate2 read = X509Certificate2.CreateFromPemFile(_directory["server.crt"], _directory["server.key"]);
        using X509Certificate2 own = X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), null);
        await tls.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions { ServerCertificate = own, ClientCertificateRequired = true, CertificateChainPolicy = _root.Trusted() }, TestContext.Current.CancellationToken);
        byte[] request = new byte[8192];
        _ = await tls.ReadAsync(request, TestContext.Current.CancellationToken);
        await tls.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"kind\":\"Node\"}"u8.ToArray(), TestContext.Current.CancellationToken);
        return tls.RemoteCertificate!.Subject;
    }

    private static string Base64(string text) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text));

    private sealed record Authority(X509Certificate2 Certificate, Authority? Above)
    {
        public static Authority Make(string name, Authority? above)
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest request = new("CN=" + name, key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
            DateTimeOffset now = DateTimeOffset.UtcNow;
            if (above is null) return new(request.CreateSelfSigned(now.AddDays(-2), now.AddDays(20)), null);
            using X509Certificate2 signed = request.Create(above.Certificate, now.AddDays(-1), now.AddDays(10), RandomNumberGenerator.GetBytes(8));
            return new(signed.CopyWithPrivateKey(key), above);
        }

        /// <summary>The certificate, and after it those above it but for the root, as such files are written.</summary>
        public void Issue(string name, string certificateFile, string keyFile)
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest request = new("CN=" + name, key, HashAlgorithmName.SHA256);
            SubjectAlternativeNameBuilder names = new();
            names.AddDnsName("localhost");
            request.CertificateExtensions.Add(names.Build());
            using X509Certificate2 signed = request.Create(Certificate, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(5), RandomNumberGenerator.GetBytes(8));
            File.WriteAllText(certificateFile, signed.ExportCertificatePem() + "\n" + (Above is null ? "" : Certificate.ExportCertificatePem() + "\n"));
            File.WriteAllText(keyFile, key.ExportECPrivateKeyPem());
        }

        public X509ChainPolicy Trusted()
        {
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
            policy.CustomTrustStore.Add(Certificate);
            return policy;
        }
    }
}
