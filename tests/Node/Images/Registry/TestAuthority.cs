using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NativeKubelet.Tests.Node.Images.Registry;

/// <summary>A certificate authority that nobody trusts, with its files in a directory.</summary>
public sealed class TestAuthority : IDisposable
{
    private readonly string _directory;
    private readonly X509Certificate2 _own;
    private byte _serial;

    public TestAuthority(string directory)
    {
        _directory = Directory.CreateDirectory(directory).FullName;
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _own = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        File.WriteAllText(CertificateFile, _own.ExportCertificatePem());
    }

    public string CertificateFile => Path.Combine(_directory, "authority.crt");

    /// <summary>Issues one for an address, and a host's name, in files NAME.cert and NAME.key.</summary>
    public (string Certificate, string Key) Issue(string name, IPAddress address, string? host = null)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(address);
        if (host is not null) names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], false));
        using X509Certificate2 issued = request.Create(_own, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), [++_serial]);
        (string certificate, string keyFile) = (Path.Combine(_directory, name + ".cert"), Path.Combine(_directory, name + ".key"));
        File.WriteAllText(certificate, issued.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        return (certificate, keyFile);
    }

    /// <summary>Signs what a token server says of who may do what (JSON Web Token, ES256).</summary>
    public string Token(string repository, bool granted)
    {
        (string certificate, string keyFile) = Issue("tokens", IPAddress.Loopback);
        using X509Certificate2 signer = X509Certificate2.CreateFromPem(File.ReadAllText(certificate));
        using ECDsa key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(keyFile));
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        string access = granted ? $$"""{"type":"repository","name":"{{repository}}","actions":["pull"]}""" : "";
        string head = Encode($$"""{"typ":"JWT","alg":"ES256","x5c":["{{Convert.ToBase64String(signer.RawData)}}"]}""");
        string claims = Encode($$"""{"iss":"test-issuer","sub":"","aud":"test-service","exp":{{now + 300}},"nbf":{{now - 60}},"iat":{{now - 60}},"jti":"{{Guid.NewGuid()}}","access":[{{access}}]}""");
        byte[] signature = key.SignData(System.Text.Encoding.ASCII.GetBytes($"{head}.{claims}"), HashAlgorithmName.SHA256);
        return $"{head}.{claims}.{System.Buffers.Text.Base64Url.EncodeToString(signature)}";
    }

    public void Dispose() => _own.Dispose();

    private static string Encode(string json) => System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(json));
}
