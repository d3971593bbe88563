using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using NativeKubelet.Config;

namespace NativeKubelet.Server.Tls;

/// <summary>
/// The certificate that this node shows to who connects, as it is at each handshake: the files are read anew when they changed. One
/// that cannot be used leaves the former in place.
/// </summary>
public sealed partial class ServingCertificate(string certificateFile, string keyFile, ILogger<ServingCertificate> log)
{
    private readonly Lock _gate = new();
    private SslStreamCertificateContext? _current;
    private (DateTime, DateTime) _written;
    private string? _told;

    /// <summary>Null: there is none (yet), and no handshake can succeed.</summary>
    public SslStreamCertificateContext? Current()
    {
        lock (_gate)
        {
            try
            {
                (DateTime, DateTime) written = (File.GetLastWriteTimeUtc(certificateFile), File.GetLastWriteTimeUtc(keyFile));
                if (written == _written) return _current;
                _current = Load();
                (_written, _told) = (written, null);
            }
            catch (ConfigException e)
            {
                if (_told != e.Message) CertificateNotUsed(e.Message);
                _told = e.Message;
            }
            return _current;
        }
    }

    /// <exception cref="ConfigException">A pair that is no use at the start would be none later.</exception>
    public void Require()
    {
        lock (_gate)
        {
            _written = (File.GetLastWriteTimeUtc(certificateFile), File.GetLastWriteTimeUtc(keyFile));
            _current = Load();
        }
    }

    private SslStreamCertificateContext Load()
    {
        try
        {
            X509Certificate2Collection chain = [];
            chain.ImportFromPem(File.ReadAllText(certificateFile));
            // Handshakes under way still use the former: it is left to the collector.
            X509Certificate2 leaf = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
            return SslStreamCertificateContext.Create(leaf, chain, offline: true);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ConfigException($"serving certificate {certificateFile} with key {keyFile}: {e.Message}", e);
        }
    }

    [LoggerMessage(LogLevel.Error, "ServingCertificateNotUsed: {Cause}; the former one stays in use, if there is one")]
    private partial void CertificateNotUsed(string cause);
}
