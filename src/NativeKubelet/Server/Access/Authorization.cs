using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Cluster;
using NativeKubelet.Core.Server;

namespace NativeKubelet.Server.Access;

/// <summary>What a caller may: everything (AlwaysAllow), or what the API server says (Webhook). Its answers hold for a while.</summary>
/// <param name="reviews">Null: a node alone, where only <see cref="Caller.Masters"/> may anything, as everywhere in Kubernetes.</param>
/// <param name="allowedLife">authorization.webhook.cacheAuthorizedTTL.</param>
/// <param name="deniedLife">authorization.webhook.cacheUnauthorizedTTL.</param>
internal sealed partial class Authorization(
    bool always, ReviewClient? reviews, string node, TimeSpan allowedLife, TimeSpan deniedLife, TimeProvider time, ILogger<Authorization> log)
{
    private const int Most = 8192, LongestKept = 10_000;

    private readonly ReviewCache<Verdict> _known = new(Most, v => v.Allowed ? allowedLife : deniedLife, time);

    /// <exception cref="RefusedException">He may not, or nobody could say; in the original's words.</exception>
    public async Task RequireAsync(Caller caller, NodeAccess access, CancellationToken cancel)
    {
        if (always) return;
        foreach (string subresource in access.Subresources)
            try
            {
                if (await MayAsync(caller, access.Verb, subresource).WaitAsync(cancel)) return;
            }
            catch (Exception e) when (e is ApiException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                AuthorizationFailed(caller.Name, access.Verb, subresource, e.Message);
                throw new RefusedException(500, $"Authorization error (user={caller.Name}, verb={access.Verb}, resource=nodes, subresource={subresource})");
            }
        throw new RefusedException(403, $"Forbidden (user={caller.Name}, verb={access.Verb}, resource=nodes, subresource(s)=[{string.Join(' ', access.Subresources)}])\n");
    }

    private async Task<bool> MayAsync(Caller caller, string verb, string subresource)
    {
        if (reviews is null) return caller.Groups.Contains(Caller.Masters);
        string key = $"{verb} {subresource} {caller.Key}";
        return (key.Length < LongestKept ? await _known.GetAsync(key, Ask) : await Ask()).Allowed;

        async Task<Verdict> Ask()
        {
            V1SubjectAccessReview answer = await reviews.AskAsync("apis/authorization.k8s.io/v1/subjectaccessreviews", Question(caller, verb, subresource));
            return new(answer.Status is { Allowed: true, Denied: not true });
        }
    }

    private V1SubjectAccessReview Question(Caller caller, string verb, string subresource) => new()
    {
        ApiVersion = "authorization.k8s.io/v1",
        Kind = "SubjectAccessReview",
        Spec = new()
        {
            User = caller.Name,
            Uid = caller.Uid.Length > 0 ? caller.Uid : null,
            Groups = [.. caller.Groups],
            Extra = caller.Extra.Count > 0 ? caller.Extra.ToDictionary(e => e.Key, e => (IList<string>)[.. e.Value]) : null,
            ResourceAttributes = new() { Verb = verb, Version = "v1", Resource = "nodes", Subresource = subresource, Name = node },
        },
    };

    [LoggerMessage(LogLevel.Error, "Authorization error user={User} verb={Verb} resource=nodes subresource={Subresource}: {Cause}")]
    private partial void AuthorizationFailed(string user, string verb, string subresource, string cause);

    private sealed record Verdict(bool Allowed);
}
