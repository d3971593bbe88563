using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using NativeKubelet.Cluster;
using NativeKubelet.Server.Tls;

namespace NativeKubelet.Server.Access;

/// <summary>
/// Who a request comes from: by client certificate, then by token; the first that proves somebody counts. Whoever presents a proof that
/// is no good is refused and not taken for a stranger. Headers in which a proxy names a user are believed from nobody.
/// </summary>
/// <param name="authorities">Null: certificates are not looked at.</param>
/// <param name="tokens">Null: tokens are not looked at.</param>
/// <param name="refuseTokens">Tokens would be looked at, but there is nobody to ask.</param>
internal sealed partial class Authentication(
    ClientAuthorities? authorities, TokenReviews? tokens, bool refuseTokens, bool anonymous, TimeProvider time, ILogger<Authentication> log)
{
    private static readonly TimeSpan VerdictLife = TimeSpan.FromMinutes(1);

    /// <returns>Null: 401.</returns>
    public async Task<Caller?> WhoAsync(HttpContext context)
    {
        bool refused = false;
        if (authorities is not null && context.Features.Get<TlsPeer>() is { Certificate: not null } peer)
        {
            if (Known(peer, authorities) is { } caller) return caller;
            refused = true;
        }
        string? token = BearerToken.Take(context.Request.Headers);
        if (token is not null && (tokens is not null || refuseTokens))
        {
            if (await KnownAsync(token, context.RequestAborted) is { } caller) return caller;
            refused = true;
        }
        return anonymous && !refused ? Caller.Anonymous : null;
    }

    private Caller? Known(TlsPeer peer, ClientAuthorities by)
    {
        var roots = by.Roots;
        // Requests of one connection come one after the other, so nobody else writes here.
        if (peer.Verdict is { } verdict && verdict.By == roots && time.GetElapsedTime(verdict.At) < VerdictLife) return verdict.Caller;
        Caller? caller = by.Verify(peer, roots) is { Name.Length: > 0 } subject ? Caller.Of(subject.Name, subject.Uid, subject.Groups) : null;
        peer.Verdict = new(caller, roots, time.GetTimestamp());
        return caller;
    }

    private async Task<Caller?> KnownAsync(string token, CancellationToken cancel)
    {
        if (tokens is null) return null;
        try
        {
            return await tokens.WhoAsync(token, cancel);
        }
        catch (Exception e) when (e is ApiException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            TokenNotReviewed(e.Message);
            return null;
        }
    }

    [LoggerMessage(LogLevel.Error, "Unable to authenticate the request due to an error: {Cause}")]
    private partial void TokenNotReviewed(string cause);
}
