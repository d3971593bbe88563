using System.Collections.Immutable;
using System.Net;

namespace NativeKubelet.Runtime.Images.Registry;

[Flags]
public enum HostCapabilities
{
    None = 0,

    /// <summary>Serves what is asked for by digest.</summary>
    Pull = 1,

    /// <summary>Is trusted to say which digest a tag stands for.</summary>
    Resolve = 2,
}

/// <summary>One place that serves a registry's content: the registry itself, or a mirror of it.</summary>
/// <param name="Root">Up to and with the slash after /v2.</param>
/// <param name="Headers">Sent to this host with every request, and to no other.</param>
public sealed record RegistryHost(Uri Root, HostCapabilities Capabilities, HostTls Tls, ImmutableArray<KeyValuePair<string, string>> Headers)
{
    internal const string Hub = "docker.io";
    private const string HubServer = "registry-1.docker.io";

    /// <summary>The registry itself, where nothing is configured.</summary>
    public static RegistryHost Of(string domain) => new(DefaultRoot(domain), HostCapabilities.Pull | HostCapabilities.Resolve, HostTls.None, []);

    public static Uri DefaultRoot(string domain) => new($"{DefaultScheme(domain)}://{(domain == Hub ? HubServer : domain)}/v2/");

    /// <summary>Plain HTTP for this machine itself and for port 80; TLS for all others.</summary>
    public static string DefaultScheme(string authority) =>
        Uri.TryCreate("https://" + authority, UriKind.Absolute, out Uri? uri) && (uri.Port == 80 || (IsLoopback(uri.IdnHost) && uri.Port != 443)) ? "http" : "https";

    /// <summary>The name that credentials are filed under: the hub's aliases are one, the standard port is left out.</summary>
    public static string Canonical(string registry, int standardPort = 443)
    {
        string rest = registry;
        int scheme = rest.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0) rest = rest[(scheme + 3)..];
        int slash = rest.IndexOf('/');
        if (slash >= 0) rest = rest[..slash];
        rest = rest.ToLowerInvariant();
        string port = $":{standardPort}";
        if (rest.EndsWith(port, StringComparison.Ordinal)) rest = rest[..^port.Length];
        return rest is "index." + Hub or HubServer ? Hub : rest;
    }

    /// <summary>Whether a credential is for this host. The host alone decides: a mirror gets only what is filed under its own name.</summary>
    public bool Accepts(RegistryCredential credential) => Is(credential.Registry);

    /// <summary>Whether it stands in for the registry, and must be told for which.</summary>
    public bool IsMirrorOf(string domain) => !Is(domain);

    /// <summary>For people: no path, no query, no user.</summary>
    public static string Shown(Uri uri) => $"{uri.Scheme}://{uri.Authority}";

    public override string ToString() => Shown(Root);

    private bool Is(string registry)
    {
        int port = Root.Scheme == Uri.UriSchemeHttps ? 443 : 80;
        return Canonical(registry, port) == Canonical(Root.Authority, port);
    }

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));
}

/// <summary>How a host is trusted, and how we show who we are. Files are PEM, with absolute paths.</summary>
/// <param name="Authorities">Trusted beside the system's.</param>
public sealed record HostTls(ImmutableArray<string> Authorities, ImmutableArray<ClientCertificate> Clients, bool SkipVerify, TimeSpan? DialTimeout)
{
    public static HostTls None { get; } = new([], [], false, null);
}

/// <param name="KeyFile">The same as <paramref name="CertificateFile"/> when that holds both.</param>
public sealed record ClientCertificate(string CertificateFile, string KeyFile);
