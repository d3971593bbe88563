using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>The cluster's certificate authority.</summary>
public sealed class ApiAuthority : IDisposable
{
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2", ServerAuth = "1.3.6.1.5.5.7.3.1";
    private readonly X509Certificate2 _root;

    public ApiAuthority()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=kubernetes", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(10));
    }

    public X509Certificate2 Root => _root;

    public string RootPem => _root.ExportCertificatePem();

    public X509Certificate2 IssueServer(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        names.AddDnsName("kubernetes");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        return WithKey(Sign(request, [ServerAuth], TimeSpan.FromDays(365)), key);
    }

    public X509Certificate2 IssueClient(string name, TimeSpan lifetime, params string[] groups)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X500DistinguishedNameBuilder subject = new();
        foreach (string group in groups) subject.AddOrganizationName(group);
        subject.AddCommonName(name);
        return WithKey(Sign(new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256), [ClientAuth], lifetime), key);
    }

    /// <summary>Signs what a certificate signing request asks for, with the usages of its signer.</summary>
    /// <returns>PEM.</returns>
    public string SignRequest(string requestPem, bool server, TimeSpan lifetime)
    {
        CertificateRequest request = CertificateRequest.LoadSigningRequestPem(
            requestPem, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        using X509Certificate2 signed = Sign(request, [server ? ServerAuth : ClientAuth], lifetime);
        return signed.ExportCertificatePem();
    }

    /// <returns>Null where the certificate is not of this authority, not for clients, or out of its time.</returns>
    public ApiUser? Authenticate(X509Certificate2 certificate)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuth));
        if (!chain.Build(certificate)) return null;
        IEnumerable<(string Oid, string Value)> parts = certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Select(p => (p.GetSingleElementType().Value ?? "", p.GetSingleElementValue() ?? ""));
        return new(parts.First(p => p.Oid == "2.5.4.3").Value, [.. parts.Where(p => p.Oid == "2.5.4.10").Select(p => p.Value), "system:authenticated"]);
    }

    public void Dispose() => _root.Dispose();

    private X509Certificate2 Sign(CertificateRequest request, string[] usages, TimeSpan lifetime)
    {
        OidCollection oids = [];
        foreach (string usage in usages) oids.Add(new Oid(usage));
        foreach (X509EnhancedKeyUsageExtension asked in request.CertificateExtensions.OfType<X509EnhancedKeyUsageExtension>().ToArray()) request.CertificateExtensions.Remove(asked);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(oids, false));
        DateTimeOffset from = DateTimeOffset.UtcNow.AddMinutes(-5);
        return request.Create(_root, from, DateTimeOffset.UtcNow + lifetime, RandomNumberGenerator.GetBytes(16));
    }

    /// <summary>Through PKCS #12: a key that lives only in memory cannot serve TLS everywhere.</summary>
    private static X509Certificate2 WithKey(X509Certificate2 certificate, ECDsa key)
    {
        using X509Certificate2 signed = certificate;
        using X509Certificate2 both = signed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(both.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }
}
