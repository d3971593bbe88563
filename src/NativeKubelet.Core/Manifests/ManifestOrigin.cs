namespace NativeKubelet.Core.Manifests;

public enum ManifestScope
{
    /// <summary>A node alone: ConfigMaps, Secrets and volumes come from manifests, and static pods may refer to them.</summary>
    Standalone,

    /// <summary>An API server has them: static pods may refer to none, and manifests may define none (spec 30 §1.7).</summary>
    Joined,
}

/// <summary>Where a manifest's bytes come from; a part of its pods' identity.</summary>
/// <param name="Source">"file" or "http", the value of kubernetes.io/config.source.</param>
/// <param name="Location">The file's path as listed (symlinks not resolved), or the URL as configured.</param>
/// <param name="NodeName">As the pods are named after it; lower-cased by the caller's own rules for node names.</param>
public sealed record ManifestOrigin(string Source, string Location, string NodeName)
{
    public const string FileSource = "file", HttpSource = "http";

    public static ManifestOrigin File(string path, string nodeName) => new(FileSource, path, nodeName);

    public static ManifestOrigin Url(string url, string nodeName) => new(HttpSource, url, nodeName);

    /// <summary>Who else this node's pods may refer to; no part of their identity.</summary>
    public ManifestScope Scope { get; init; }

    /// <summary>The location as people may see it: a URL may carry a password or a token in its query.</summary>
    public string Display
    {
        get
        {
            if (Source != HttpSource || !Uri.TryCreate(Location, UriKind.Absolute, out Uri? url)) return Location;
            return url.GetComponents(UriComponents.Scheme | UriComponents.Host | UriComponents.Port | UriComponents.Path, UriFormat.UriEscaped);
        }
    }
}
