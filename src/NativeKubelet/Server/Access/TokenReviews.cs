using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using k8s.Models;

namespace NativeKubelet.Server.Access;

/// <summary>Whose a bearer token is, as the API server says (spec 20 §8.1). Yes and no are kept for a while, under a digest: no token stays in memory.</summary>
/// <param name="life">authentication.webhook.cacheTTL.</param>
internal sealed class TokenReviews(ReviewClient reviews, TimeSpan life, TimeProvider time)
{
    private const int Most = 4096, LongestToken = 64 << 10;

    private readonly ReviewCache<Verdict> _known = new(Most, _ => life, time);
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <returns>Null: nobody's.</returns>
    /// <exception cref="Cluster.ApiException">Nobody could say.</exception>
    public async Task<Caller?> WhoAsync(string token, CancellationToken cancel)
    {
        if (token.Length is 0 or > LongestToken) return null;
        string digest = Convert.ToBase64String(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(token)));
        return (await _known.GetAsync(digest, () => AskAsync(token)).WaitAsync(cancel)).Caller;
    }

    private async Task<Verdict> AskAsync(string token)
    {
        V1TokenReview review = await reviews.AskAsync(
            "apis/authentication.k8s.io/v1/tokenreviews",
            new V1TokenReview { ApiVersion = "authentication.k8s.io/v1", Kind = "TokenReview", Spec = new() { Token = token } });
        if (review.Status is not { Authenticated: true, User: { Username: { Length: > 0 } name } user }) return new(null);
        return new(Caller.Of(
            name, user.Uid ?? "", [.. user.Groups ?? []],
            user.Extra?.ToImmutableSortedDictionary(e => e.Key, e => e.Value.ToImmutableArray(), StringComparer.Ordinal)));
    }

    private sealed record Verdict(Caller? Caller);
}
