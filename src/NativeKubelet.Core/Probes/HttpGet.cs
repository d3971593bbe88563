using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using k8s.Models;

namespace NativeKubelet.Core.Probes;

/// <summary>One GET of a probe or hook (spec 31 §3.2): where to, and its bytes. No connection is kept, no proxy asked.</summary>
/// <param name="Host">Without brackets.</param>
/// <param name="Target">Path and query as they are sent; only printable ASCII.</param>
/// <param name="HostHeader">What the manifest gave as header Host; null: host and port.</param>
public sealed record HttpGet(bool Tls, string Host, int Port, string Target, string? HostHeader, ValueHeaders Headers)
{
    private const int MostRedirects = 10;

    public string Url => $"{(Tls ? "https" : "http")}://{Authority}{Target}";

    public string Authority => $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <param name="agent">kube-probe or kube-lifecycle.</param>
    /// <exception cref="FormatException">The port cannot be resolved.</exception>
    public static HttpGet Of(V1HTTPGetAction get, V1Container container, string podIp, string agent)
    {
        List<(string, string)> headers = [];
        string? host = null;
        foreach (V1HTTPHeader header in get.HttpHeaders ?? [])
            if (header.Name.Equals("Host", StringComparison.OrdinalIgnoreCase)) host ??= header.Value;
            else headers.Add((header.Name, header.Value ?? ""));
        AddUnlessGiven(headers, "User-Agent", $"{agent}/1.36");
        AddUnlessGiven(headers, "Accept", "*/*");
        return new(
            get.Scheme == "HTTPS", string.IsNullOrEmpty(get.Host) ? podIp : get.Host, ProbePort.Resolve(get.Port, container), Encoded(get.Path ?? "/"),
            string.IsNullOrEmpty(host) ? null : host, new(headers));
    }

    /// <summary>The same question without TLS; what was meant for a server that proves who it is stays behind.</summary>
    public HttpGet OverPlainHttp() => this with
    {
        Tls = false,
        Headers = new([.. Headers.List.Where(h => !h.Name.Equals("Authorization", StringComparison.OrdinalIgnoreCase))]),
    };

    public byte[] ToBytes()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"GET {Target} HTTP/1.1\r\nHost: {HostHeader ?? Authority}\r\n");
        foreach ((string name, string value) in Headers.List) text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        return Encoding.Latin1.GetBytes(text.Append("Connection: close\r\n\r\n").ToString());
    }

    /// <summary>Where a redirect leads on the same host.</summary>
    /// <param name="hops">Redirects followed so far.</param>
    /// <returns>Null: to another host, or nowhere; then it is not followed.</returns>
    /// <exception cref="FormatException">There is no end of it, or it leads to no address.</exception>
    public HttpGet? Follow(string location, int hops)
    {
        if (location.Length == 0) return null;
        // The very text is told apart from its resolution, as an absolute one drops a Host header that was meant for the first.
        bool absolute = Uri.TryCreate(location, UriKind.Absolute, out Uri? to) && to.Scheme is "http" or "https";
        if (!absolute && !(Uri.TryCreate(Url, UriKind.Absolute, out Uri? from) && Uri.TryCreate(from, location, out to)))
            throw new FormatException($"failed to parse Location header \"{location}\"");
        if (to is not { Scheme: "http" or "https" }) throw new FormatException($"unsupported protocol scheme \"{to?.Scheme}\"");
        if (!SameHost(to)) return null;
        if (hops >= MostRedirects) throw new FormatException("stopped after 10 redirects");
        return this with { Tls = to.Scheme == "https", Port = to.Port, Target = Encoded(to.PathAndQuery), HostHeader = absolute ? null : HostHeader };
    }

    private bool SameHost(Uri to) => IPAddress.TryParse(Host, out IPAddress? mine) && mine.AddressFamily == AddressFamily.InterNetworkV6
        ? IPAddress.TryParse(to.IdnHost, out IPAddress? theirs) && theirs.Equals(mine)
        : to.IdnHost.Equals(Host, StringComparison.OrdinalIgnoreCase);

    /// <summary>A header that the manifest gives empty is left out altogether.</summary>
    private static void AddUnlessGiven(List<(string Name, string Value)> headers, string name, string value)
    {
        if (headers.Exists(h => Is(h.Name))) headers.RemoveAll(h => Is(h.Name) && h.Value.Length == 0);
        else headers.Add((name, value));
        bool Is(string other) => other.Equals(name, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Blanks, line breaks and what is not ASCII never reach the request line as they are.</summary>
    private static string Encoded(string path)
    {
        int fragment = path.IndexOf('#', StringComparison.Ordinal);
        if (fragment >= 0) path = path[..fragment];
        StringBuilder text = new(path.StartsWith('/') ? "" : "/");
        foreach (byte value in Encoding.UTF8.GetBytes(path))
            if (value is > 0x20 and < 0x7F) text.Append((char)value);
            else text.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
        return text.ToString();
    }
}

/// <summary>In order; names may repeat.</summary>
public sealed record ValueHeaders(IReadOnlyList<(string Name, string Value)> List);
