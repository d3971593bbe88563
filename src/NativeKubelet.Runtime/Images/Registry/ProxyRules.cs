using System.Collections.Immutable;
using System.Net;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>Which proxy a request takes, by the variables that container tools share. Loopback is never proxied.</summary>
/// <param name="Exceptions">NO_PROXY: names (with all below them), .suffixes, addresses, CIDR blocks, each with an optional port; or *.</param>
public sealed record ProxyRules(Uri? Http, Uri? Https, ImmutableArray<string> Exceptions) : IWebProxy, ICredentials
{
    public static ProxyRules None { get; } = new(null, null, []);

    ICredentials? IWebProxy.Credentials
    {
        get => this;
        set => throw new NotSupportedException("a proxy's credentials stand in its URL");
    }

    public static ProxyRules FromEnvironment() => Parse(Variable("HTTP_PROXY"), Variable("HTTPS_PROXY"), Variable("NO_PROXY"));

    /// <summary>A proxy that is no URL counts as none.</summary>
    public static ProxyRules Parse(string? http, string? https, string? except) =>
        new(Proxy(http), Proxy(https), [.. (except ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)]);

    public Uri? GetProxy(Uri destination)
    {
        Uri? proxy = destination.Scheme == Uri.UriSchemeHttps ? Https : Http;
        return proxy is null || destination.IsLoopback || Exceptions.Any(e => Excepts(e, destination)) ? null : proxy;
    }

    public bool IsBypassed(Uri host) => GetProxy(host) is null;

    /// <summary>A proxy's user and password are those in its URL.</summary>
    NetworkCredential? ICredentials.GetCredential(Uri uri, string authType)
    {
        string[] parts = uri.UserInfo.Split(':', 2);
        return uri.UserInfo.Length == 0 ? null : new(Uri.UnescapeDataString(parts[0]), Uri.UnescapeDataString(parts.ElementAtOrDefault(1) ?? ""));
    }

    private static bool Excepts(string rule, Uri destination)
    {
        if (rule == "*") return true;
        string host = destination.IdnHost;
        IPAddress? address = IPAddress.TryParse(host, out IPAddress? parsed) ? parsed : null;
        if (IPNetwork.TryParse(rule, out IPNetwork block)) return address is not null && block.Contains(address);
        if (IPAddress.TryParse(rule, out IPAddress? single)) return single.Equals(address);
        int colon = rule.LastIndexOf(':');
        if (colon >= 0)
        {
            if (rule[(colon + 1)..] != destination.Port.ToString()) return false;
            rule = rule[..colon];
        }
        string name = rule.StartsWith("*.", StringComparison.Ordinal) ? rule[1..] : rule;
        if (address is not null || name.StartsWith('.')) return host.EndsWith(name, StringComparison.OrdinalIgnoreCase) && (address is null || host == name);
        return host.Equals(name, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + name, StringComparison.OrdinalIgnoreCase);
    }

    private static Uri? Proxy(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return null;
        string url = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        return Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" ? uri : null;
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } upper ? upper : Environment.GetEnvironmentVariable(name.ToLowerInvariant());
}
