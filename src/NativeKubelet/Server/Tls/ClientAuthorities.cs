using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using NativeKubelet.Config;

namespace NativeKubelet.Server.Tls;

/// <summary>Who may vouch for clients: authentication.x509.clientCAFile, read anew when it changed. A file that is no use leaves the former in place.</summary>
internal sealed partial class ClientAuthorities
{
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    private readonly string _file;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private X509Certificate2Collection _roots;
    private DateTime _written;
    private string? _told;

    /// <exception cref="ConfigException">Nobody could be known from the beginning.</exception>
    public ClientAuthorities(string file, TimeProvider time, ILogger<ClientAuthorities> log)
    {
        (_file, _time, _log) = (file, time, log);
        _written = File.GetLastWriteTimeUtc(file);
        _roots = Load();
    }

    /// <summary>Another object with each change of the file: what was found out with a former one is no longer true.</summary>
    public X509Certificate2Collection Roots
    {
        get
        {
            lock (_gate)
            {
                DateTime written = File.GetLastWriteTimeUtc(_file);
                if (written == _written) return _roots;
                try
                {
                    _roots = Load();
                    (_written, _told) = (written, null);
                }
                catch (ConfigException e)
                {
                    if (_told != e.Message) AuthoritiesNotUsed(e.Message);
                    _told = e.Message;
                }
                return _roots;
            }
        }
    }

    /// <returns>Null: nobody that is trusted here vouches for it, it is out of its time, or not for clients.</returns>
    public static CertificateSubject? Verify(X509Certificate2 certificate, X509Certificate2Collection intermediates, X509Certificate2Collection roots, DateTimeOffset now)
    {
        using X509Chain chain = new();
        X509ChainPolicy policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.AddRange(roots);
        policy.ExtraStore.AddRange(intermediates);
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        policy.VerificationTime = now.UtcDateTime;
        policy.ApplicationPolicy.Add(new Oid(ClientAuth));
        try
        {
            return chain.Build(certificate) ? CertificateSubject.Of(certificate.SubjectName) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    public CertificateSubject? Verify(TlsPeer peer, X509Certificate2Collection roots) => Verify(peer.Certificate!, peer.Intermediates, roots, _time.GetUtcNow());

    private X509Certificate2Collection Load()
    {
        try
        {
            X509Certificate2Collection all = [];
            all.ImportFromPemFile(_file);
            return all.Count > 0 ? all : throw new ConfigException($"clientCAFile {_file} holds no certificate in PEM form");
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"unable to load client CA file {_file}: {e.Message}", e);
        }
    }

    [LoggerMessage(LogLevel.Error, "ClientAuthoritiesNotUsed: {Cause}; the former ones stay in use")]
    private partial void AuthoritiesNotUsed(string cause);
}
