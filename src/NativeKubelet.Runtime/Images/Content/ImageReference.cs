using System.Text.RegularExpressions;

namespace NativeKubelet.Runtime.Images.Content;

/// <summary>A name as users write it, completed as they expect: "nginx" is docker.io/library/nginx:latest.</summary>
/// <param name="Tag">Null only where there is a digest.</param>
public sealed partial record ImageReference(string Domain, string Path, string? Tag, ContentDigest? Digest)
{
    private const string Hub = "docker.io";
    private const int LongestName = 255;

    /// <summary>domain/path.</summary>
    public string Repository => $"{Domain}/{Path}";

    /// <summary>domain/path:tag; null where the name has no tag.</summary>
    public string? Tagged => Tag is null ? null : $"{Repository}:{Tag}";

    /// <exception cref="ImageException">InvalidImageName, in the kubelet's words.</exception>
    public static ImageReference Parse(string text) => TryParse(text) ?? throw new ImageException(
        "InvalidImageName", $"Failed to apply default image tag \"{text}\": couldn't parse image name \"{text}\": invalid reference format");

    public static ImageReference? TryParse(string text)
    {
        ContentDigest? digest = null;
        string rest = text;
        int at = rest.IndexOf('@');
        if (at >= 0)
        {
            digest = ContentDigest.TryParse(rest[(at + 1)..]);
            if (digest is null) return null;
            rest = rest[..at];
        }
        string? tag = null;
        int colon = rest.LastIndexOf(':');
        if (colon > rest.LastIndexOf('/'))
        {
            (rest, tag) = (rest[..colon], rest[(colon + 1)..]);
            if (!TagForm().IsMatch(tag)) return null;
        }
        int slash = rest.IndexOf('/');
        string first = slash < 0 ? "" : rest[..slash];
        bool hasDomain = first.AsSpan().IndexOfAny('.', ':') >= 0 || first == "localhost" || first.Any(char.IsAsciiLetterUpper);
        (string domain, string path) = hasDomain ? (first, rest[(slash + 1)..]) : (Hub, rest);
        if (domain == "index." + Hub) domain = Hub;
        // 64 hex digits alone are an image ID, which must never be looked for at a registry.
        if (!hasDomain && path.Length == 64 && path.All(char.IsAsciiHexDigitLower)) return null;
        if (domain == Hub && !path.Contains('/')) path = "library/" + path;
        if (!DomainForm().IsMatch(domain) || !PathForm().IsMatch(path) || domain.Length + 1 + path.Length > LongestName) return null;
        return new(domain, path, tag ?? (digest is null ? "latest" : null), digest);
    }

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\z", RegexOptions.CultureInvariant)]
    private static partial Regex TagForm();

    [GeneratedRegex(@"^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex DomainForm();

    [GeneratedRegex(@"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex PathForm();
}
