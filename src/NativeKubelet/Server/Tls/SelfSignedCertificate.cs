using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using NativeKubelet.Config;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Server.Tls;

/// <summary>
/// The pair that a node makes for itself where nobody gives it one: kubelet.crt and kubelet.key in the certificate directory. A pair
/// that is there is used, whatever its age, as in the original; another is made when it is removed.
/// </summary>
public static class SelfSignedCertificate
{
    private const uint Readable = 0x1A4, OwnerOnly = 0x180;     // 0644, 0600
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(365), ClockSkew = TimeSpan.FromHours(1);

    /// <returns>The pair's files.</returns>
    /// <exception cref="ConfigException">It can neither be found nor written.</exception>
    public static (string Certificate, string Key) Ensure(string directory, string host, DateTimeOffset now)
    {
        (string certificate, string key) = (Path.Combine(directory, "kubelet.crt"), Path.Combine(directory, "kubelet.key"));
        try
        {
            if (File.Exists(certificate) && File.Exists(key)) return (certificate, key);
            Directory.CreateDirectory(directory);
            (string certificates, string secret) = Make(host, now);
            // The key first: a certificate without its key would be believed to be complete.
            AtomicFile.Write(key, Encoding.ASCII.GetBytes(secret), OwnerOnly);
            AtomicFile.Write(certificate, Encoding.ASCII.GetBytes(certificates), Readable);
            return (certificate, key);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ErrnoException)
        {
            throw new ConfigException($"serving certificate of this node in {directory}: {e.Message}; make the directory writable, set --cert-dir, or set tlsCertFile and tlsPrivateKeyFile", e);
        }
    }

    /// <summary>PEM: the leaf and the authority that signed it, and the leaf's key. Nobody keeps the authority's.</summary>
    internal static (string Certificates, string Key) Make(string host, DateTimeOffset now)
    {
        DateTimeOffset from = now - ClockSkew, until = now + Lifetime;
        using ECDsa rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256), key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest rootRequest = new($"CN={host}-ca@{now.ToUnixTimeSeconds()}", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        rootRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign, critical: true));
        using X509Certificate2 root = rootRequest.CreateSelfSigned(from, until);
        CertificateRequest request = new($"CN={host}@{now.ToUnixTimeSeconds()}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        if (IPAddress.TryParse(host, out IPAddress? address)) names.AddIpAddress(address);
        else names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        using X509Certificate2 leaf = request.Create(root, from, until, RandomNumberGenerator.GetBytes(16));
        return ($"{leaf.ExportCertificatePem()}\n{root.ExportCertificatePem()}\n", key.ExportECPrivateKeyPem() + "\n");
    }
}
