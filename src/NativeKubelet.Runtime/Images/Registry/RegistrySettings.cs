using System.Collections.Immutable;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>What an operator may set about talking to registries.</summary>
public sealed record RegistrySettings
{
    /// <summary>Searched in this order for a directory named after the registry, with a hosts.toml or certificates in it.</summary>
    public ImmutableArray<string> HostsDirectories { get; init; } = ["/etc/containerd/certs.d", "/etc/docker/certs.d"];

    /// <summary>The node's docker configurations; the first that has credentials counts.</summary>
    public ImmutableArray<string> CredentialFiles { get; init; } = [];

    public string UserAgent { get; init; } = "nativekubelet";

    /// <summary>For a connection and its TLS, where hosts.toml says nothing else.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Until an answer begins: a caching mirror first fetches what it then sends.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Between two pieces of an answer; then the connection counts as broken and the download goes on with another.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(1);

    public RetryPolicy Retry { get; init; } = RetryPolicy.Default;

    /// <summary>HTTP_PROXY and its kin, read once.</summary>
    public ProxyRules Proxy { get; init; } = ProxyRules.FromEnvironment();
}
