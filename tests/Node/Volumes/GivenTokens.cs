using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Objects;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Volumes;

/// <summary>Tokens that a test makes up, the same for every pod.</summary>
public sealed class GivenTokens : ITokens
{
    private ImmutableDictionary<TokenWish, string> _given = ImmutableDictionary<TokenWish, string>.Empty;

    public event Action<string>? Due { add { } remove { } }

    public void Give(TokenWish wish, string token) => _given = _given.SetItem(wish, token);

    public ValueTask<PodTokens> ForAsync(V1Pod pod, CancellationToken cancel) =>
        ValueTask.FromResult(_given.IsEmpty ? PodTokens.None : new PodTokens(_given, ImmutableDictionary<TokenWish, string>.Empty));

    public void Forget(string podUid)
    {
    }
}
