using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Core.Objects;

/// <summary>A token of its service account that a pod wants to see in a volume.</summary>
/// <param name="Audience">Empty: the API server's own.</param>
public readonly record struct TokenWish(string Audience, long Seconds)
{
    private const long UsualSeconds = 3600;

    public static TokenWish Of(V1ServiceAccountTokenProjection source) => new(source.Audience ?? "", source.ExpirationSeconds ?? UsualSeconds);

    public static ImmutableHashSet<TokenWish> Of(V1Pod pod) =>
    [
        .. from volume in pod.Spec.Volumes ?? []
           from source in volume.Projected?.Sources ?? []
           where source.ServiceAccountToken is not null
           select Of(source.ServiceAccountToken),
    ];
}

/// <summary>The tokens of one pod at a moment. A class, as a record would write them wherever it is printed.</summary>
/// <param name="tokens">Those that there are.</param>
/// <param name="faults">Why the others are not.</param>
public sealed class PodTokens(ImmutableDictionary<TokenWish, string> tokens, ImmutableDictionary<TokenWish, string> faults)
{
    public static PodTokens None { get; } = new(ImmutableDictionary<TokenWish, string>.Empty, ImmutableDictionary<TokenWish, string>.Empty);

    /// <returns>The token; null with the fault.</returns>
    public string? Find(TokenWish wish, out string fault)
    {
        fault = faults.GetValueOrDefault(wish) ?? "there is no API server to ask";
        return tokens.GetValueOrDefault(wish);
    }
}
