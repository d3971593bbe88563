using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NativeKubelet.Server.Access;

namespace NativeKubelet.Server.Tls;

/// <summary>Who is at the other end of a TLS connection, as he presented himself. Whether that is believed is decided per request.</summary>
internal sealed class TlsPeer : IDisposable
{
    public X509Certificate2? Certificate { get; private set; }

    /// <summary>What came along with it.</summary>
    public X509Certificate2Collection Intermediates { get; } = [];

    /// <summary>What was last found out about the certificate.</summary>
    public PeerVerdict? Verdict { get; set; }

    /// <summary>Keeps copies: the handshake's own end with it.</summary>
    /// <param name="certificate">Null: none is shown, which is as good.</param>
    /// <returns>Whether the handshake goes on: what is shown can be read.</returns>
    public bool TryPresent(X509Certificate? certificate, X509Chain? chain)
    {
        Dispose();
        if (certificate is null) return true;
        try
        {
            Keep(certificate, chain);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        Certificate?.Dispose();
        Certificate = null;
        foreach (X509Certificate2 extra in Intermediates) extra.Dispose();
        Intermediates.Clear();
    }

    private void Keep(X509Certificate certificate, X509Chain? chain)
    {
        Certificate = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        foreach (X509Certificate2 extra in chain?.ChainPolicy.ExtraStore ?? []) Intermediates.Add(X509CertificateLoader.LoadCertificate(extra.RawData));
    }
}
