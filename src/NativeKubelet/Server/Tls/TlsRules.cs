using System.Net.Security;
using System.Security.Authentication;
using NativeKubelet.Config;

namespace NativeKubelet.Server.Tls;

/// <summary>How connections must be secured: tlsMinVersion and tlsCipherSuites. Nothing older than TLS 1.2 is spoken, whatever is configured.</summary>
/// <param name="Ciphers">Null: what the machine's OpenSSL prefers.</param>
public sealed record TlsRules(SslProtocols Protocols, CipherSuitesPolicy? Ciphers)
{
    private static readonly TlsCipherSuite[] Always = [TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256];

    /// <exception cref="ConfigException">A name that is no cipher suite.</exception>
    public static TlsRules Of(string? minVersion, IReadOnlyList<string>? suites)
    {
        SslProtocols protocols = minVersion == "VersionTLS13" ? SslProtocols.Tls13 : SslProtocols.Tls12 | SslProtocols.Tls13;
        if (suites is not { Count: > 0 }) return new(protocols, null);
        // The suites of TLS 1.3 are not configurable, as in the original.
        return new(protocols, Policy([.. Always, .. suites.Select(Suite).Except(Always)]));
    }

    private static TlsCipherSuite Suite(string name) => name switch
    {
        // Names by which Go knew them first.
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" => TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        _ when name.StartsWith("TLS_", StringComparison.Ordinal) && Enum.TryParse(name, out TlsCipherSuite suite) => suite,
        _ => throw new ConfigException($"tlsCipherSuites: \"{name}\" is no cipher suite; names are those of IANA, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    };

    private static CipherSuitesPolicy Policy(TlsCipherSuite[] suites)
    {
        if (!OperatingSystem.IsLinux()) throw new PlatformNotSupportedException();
        try
        {
            return new CipherSuitesPolicy(suites);
        }
        catch (PlatformNotSupportedException e)
        {
            throw new ConfigException($"tlsCipherSuites: {e.Message}", e);
        }
    }
}
