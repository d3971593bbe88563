using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NativeKubelet.Config;

namespace NativeKubelet.Cluster;

/// <summary>A client certificate with its key, and the certificates between it and its authority that came along: the server may know the authority alone.</summary>
public sealed class ClientCertificate
{
    private ClientCertificate(X509Certificate2 leaf, X509Certificate2Collection chain) =>
        (Leaf, Shown) = (leaf, SslStreamCertificateContext.Create(leaf, chain, offline: true));

    public X509Certificate2 Leaf { get; }

    /// <summary>What a handshake shows.</summary>
    public SslStreamCertificateContext Shown { get; }

    /// <param name="what">Where it is from, for errors.</param>
    /// <param name="certificates">PEM, its own first.</param>
    /// <exception cref="ConfigException">It cannot be used.</exception>
    public static ClientCertificate Load(string what, Func<string> certificates, Func<string> key)
    {
        try
        {
            string pem = certificates();
            X509Certificate2Collection chain = [];
            chain.ImportFromPem(pem);
            // Through PKCS #12: TLS takes no key that lives in memory only on every OpenSSL.
            using X509Certificate2 read = X509Certificate2.CreateFromPem(pem, key());
            return new(X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), null), chain);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"client certificate {what}: {e.Message}", e);
        }
    }
}
