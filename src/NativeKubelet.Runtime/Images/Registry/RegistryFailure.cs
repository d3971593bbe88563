using System.Collections.Immutable;

namespace NativeKubelet.Runtime.Images.Registry;

internal enum FailureKind
{
    /// <summary>The host says that it has no such thing.</summary>
    NotFound,

    /// <summary>401 or 403, also from the token server.</summary>
    Denied,

    /// <summary>An answer that a repetition will not change.</summary>
    Refused,

    /// <summary>429, 5xx, a connection that broke: worth another try.</summary>
    Passing,

    /// <summary>No connection came about.</summary>
    Unreachable,

    /// <summary>Nothing answered in time; trying again at once would only double the wait.</summary>
    Silent,

    /// <summary>The host's certificate is not trusted, or it speaks no TLS.</summary>
    Untrusted,
}

/// <summary>One host did not give what it was asked for. The text is for people and holds no secret, path or query.</summary>
/// <param name="retryAfter">What the host asked for.</param>
internal sealed class RegistryFailure(FailureKind kind, string message, TimeSpan? retryAfter = null, Exception? inner = null) : Exception(message, inner)
{
    public FailureKind Kind { get; } = kind;
    public TimeSpan? RetryAfter { get; } = retryAfter;

    public bool MayPass => Kind is FailureKind.Passing or FailureKind.Unreachable;

    /// <summary>Joins what the hosts said into what a person can act on.</summary>
    /// <param name="what">The object: "docker.io/library/app:1", or a blob of it.</param>
    public static ImageException Join(string what, RegistryHost[] hosts, ImmutableArray<RegistryFailure> failures)
    {
        string reasons = string.Join("; ", failures.Select((f, i) => $"{hosts[i]}: {f.Message}"));
        bool unreachable = failures.All(f => f.Kind is FailureKind.Unreachable or FailureKind.Silent);
        return new(unreachable ? "RegistryUnavailable" : "ErrImagePull", $"{what}: {reasons}{Next(failures[^1].Kind)}", failures[^1]);
    }

    private static string Next(FailureKind kind) => kind switch
    {
        FailureKind.NotFound => "; check the image's name and tag",
        FailureKind.Denied => "; check that the image exists and that the pod's imagePullSecrets or the node's docker configuration hold credentials for this host",
        FailureKind.Unreachable or FailureKind.Silent => "; check name resolution, network and proxy, or import the image from an archive",
        FailureKind.Untrusted => "; name the certificate authority by ca in the registry's hosts.toml, or give the server as http:// there if it speaks no TLS",
        _ => "",
    };
}
