using System.Collections.Immutable;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Objects;
using NativeKubelet.Runtime;

namespace NativeKubelet.Cluster;

/// <summary>
/// Tokens of pods' service accounts (TokenRequest), each bound to its pod. One is asked for once and kept in memory; before it
/// grows old the pod is told, and what it then asks for is newer. A server that does not answer costs a running pod nothing
/// as long as its token lives.
/// </summary>
internal sealed partial class ServiceAccountTokens : ITokens, IDisposable
{
    /// <summary>A pod waits that long; an answer that comes later is told by <see cref="Due"/>.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(30);

    private const int TriesWhileForbidden = 4;

    private static readonly TimeSpan PauseWhileForbidden = TimeSpan.FromMilliseconds(100);

    private readonly ApiClient _api;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _life = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Uid, TokenWish Wish), Held> _held = [];     // under _gate, and what it holds
    private readonly ITimer _timer;
    private Func<bool> _alone = static () => false;

    public ServiceAccountTokens(ApiClient api, TimeProvider time, ILogger log)
    {
        (_api, _time, _log) = (api, time, log);
        _timer = time.CreateTimer(_ => TellDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public event Action<string>? Due;

    /// <summary>While this holds, a pod that never had a token is shown an empty one, and the true one as soon as there is one.</summary>
    public void ShowEmptyWhile(Func<bool> alone) => Volatile.Write(ref _alone, alone);

    public async ValueTask<PodTokens> ForAsync(V1Pod pod, CancellationToken cancel)
    {
        ImmutableHashSet<TokenWish> wishes = TokenWish.Of(pod);
        if (wishes.IsEmpty) return PodTokens.None;
        List<Task> asking = [];
        lock (_gate)
            foreach (TokenWish wish in wishes)
            {
                Held held = Of(pod.Metadata.Uid, wish);
                if ((held.Token is null && held.RenewAfter == default) || Age(held) >= held.RenewAfter) asking.Add(held.Asking ??= AskAsync(pod, wish, held));
            }
        try
        {
            await Task.WhenAll(asking).WaitAsync(Volatile.Read(ref _alone)() ? TimeSpan.Zero : Patience, _time, cancel);
        }
        catch (TimeoutException)
        {
            lock (_gate)
                foreach (TokenWish wish in wishes) Of(pod.Metadata.Uid, wish).Awaited = true;
        }
        return Now(pod.Metadata.Uid, wishes);
    }

    public void Forget(string podUid)
    {
        lock (_gate)
            foreach ((string Uid, TokenWish) key in _held.Keys.Where(k => k.Uid == podUid).ToList()) _held.Remove(key);
    }

    public void Dispose()
    {
        _life.Cancel();
        _timer.Dispose();
        _life.Dispose();
    }

    private Held Of(string uid, TokenWish wish) => _held.TryGetValue((uid, wish), out Held? held) ? held : _held[(uid, wish)] = new() { Came = _time.GetTimestamp() };

    private TimeSpan Age(Held held) => _time.GetElapsedTime(held.Came);

    private PodTokens Now(string uid, ImmutableHashSet<TokenWish> wishes)
    {
        var tokens = ImmutableDictionary.CreateBuilder<TokenWish, string>();
        var faults = ImmutableDictionary.CreateBuilder<TokenWish, string>();
        lock (_gate)
            foreach (TokenWish wish in wishes)
            {
                Held held = Of(uid, wish);
                if (held.Token is { } token && !held.Life.IsOver(Age(held))) tokens[wish] = token;
                else if (Volatile.Read(ref _alone)()) tokens[wish] = "";
                else faults[wish] = held.Fault ?? "the API server has not answered yet";
            }
        return new(tokens.ToImmutable(), faults.ToImmutable());
    }

    /// <summary>Never fails: what went wrong is kept with the wish.</summary>
    private async Task AskAsync(V1Pod pod, TokenWish wish, Held held)
    {
        await Task.Yield();     // the caller holds the gate
        V1ObjectMeta meta = pod.Metadata;
        Authenticationv1TokenRequest? answer = null;
        string? fault = null;
        try
        {
            answer = await RequestAsync(pod, wish);
            if (string.IsNullOrEmpty(answer.Status?.Token)) fault = "the API server answered without a token";
        }
        catch (ApiException e)
        {
            fault = e.Message;
        }
        catch (OperationCanceledException)
        {
            fault = "the agent ends";
        }
        bool awaited;
        lock (_gate)
        {
            held.Asking = null;
            held.Fault = fault;
            (awaited, held.Awaited) = (held.Awaited, false);
            if (fault is null)
            {
                (held.Token, held.Came) = (answer!.Status!.Token, _time.GetTimestamp());     // without a fault there is one
                held.Life = new TokenLife(TimeSpan.FromSeconds(answer.Spec.ExpirationSeconds ?? wish.Seconds));
                held.RenewAfter = held.Life.RenewAfter(Random.Shared.NextDouble());
            }
            else if (held.Token is not null || Volatile.Read(ref _alone)()) held.RenewAfter = Age(held) + (BetweenTries * (0.5 + Random.Shared.NextDouble()));
            held.Told = false;
            Arm();
        }
        if (fault is not null) TokenNotHad(meta.NamespaceProperty, meta.Name, pod.Spec.ServiceAccountName ?? "", fault);
        if (awaited) Due?.Invoke(meta.Uid);
    }

    /// <summary>The server's own view of who runs the pod may be a moment older than what it told this node: it is asked again before that is a fault.</summary>
    private async Task<Authenticationv1TokenRequest> RequestAsync(V1Pod pod, TokenWish wish)
    {
        for (int tries = 1; ; tries++)
            try
            {
                return await _api.CreateAsync($"api/v1/namespaces/{pod.Metadata.NamespaceProperty}/serviceaccounts/{pod.Spec.ServiceAccountName}/token", Request(pod.Metadata, wish), _life.Token);
            }
            catch (ApiException e) when (e.Code == 403 && tries < TriesWhileForbidden)
            {
                await Task.Delay(PauseWhileForbidden * tries, _time, _life.Token);
            }
    }

    private static Authenticationv1TokenRequest Request(V1ObjectMeta pod, TokenWish wish) => new()
    {
        ApiVersion = "authentication.k8s.io/v1",
        Kind = "TokenRequest",
        // An empty list is the API server's own audience; the field itself is required.
        Spec = new()
        {
            Audiences = wish.Audience.Length > 0 ? [wish.Audience] : [],
            ExpirationSeconds = wish.Seconds,
            BoundObjectRef = new() { ApiVersion = "v1", Kind = "Pod", Name = pod.Name, Uid = pod.Uid },
        },
    };

    private void TellDue()
    {
        HashSet<string> due = [];
        lock (_gate)
        {
            if (_life.IsCancellationRequested) return;
            foreach (((string uid, _), Held held) in _held)
                if (held.IsToBeTold && Age(held) >= held.RenewAfter)
                {
                    held.Told = true;
                    due.Add(uid);
                }
            Arm();
        }
        foreach (string uid in due) Due?.Invoke(uid);
    }

    /// <summary>For the first that grows old and whose pod does not know yet.</summary>
    private void Arm()
    {
        if (_life.IsCancellationRequested) return;
        List<TimeSpan> rests = [.. _held.Values.Where(h => h.IsToBeTold).Select(h => h.RenewAfter - Age(h))];
        if (rests.Count > 0) _timer.Change(rests.Min() is var rest && rest > TimeSpan.Zero ? rest + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    private sealed class Held
    {
        public string? Token { get; set; }

        /// <summary>When it came; at first, when it was first wished for.</summary>
        public long Came { get; set; }

        public TokenLife Life { get; set; }

        public TimeSpan RenewAfter { get; set; }

        public bool IsToBeTold => RenewAfter > TimeSpan.Zero && !Told && Asking is null;

        /// <summary>Why the last try brought none.</summary>
        public string? Fault { get; set; }

        public Task? Asking { get; set; }

        /// <summary>The pod asked, and did not wait to the end.</summary>
        public bool Awaited { get; set; }

        /// <summary>The pod knows that it is to be renewed.</summary>
        public bool Told { get; set; }
    }

    [LoggerMessage(LogLevel.Warning, "TokenNotHad pod={Namespace}/{Name} account={Account}: {Cause}; it is tried again")]
    private partial void TokenNotHad(string @namespace, string name, string account, string cause);
}
