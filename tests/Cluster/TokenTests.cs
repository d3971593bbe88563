using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Cluster;
using NativeKubelet.Core.Objects;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Cluster;

/// <summary>Tokens of service accounts over their whole life, on a clock that the test moves.</summary>
public sealed class TokenTests : IAsyncLifetime
{
    private static readonly TokenWish Wish = new("", 3607);

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly string _kubeconfig = Path.GetTempFileName();
    private ApiServer _api = null!;
    private ClusterAccess _access = null!;
    private ServiceAccountTokens _tokens = null!;
    private V1Pod _pod = null!;

    public async ValueTask InitializeAsync()
    {
        _api = new ApiServer(time: _time);
        await _api.StartAsync();
        using var identity = _api.Authority.IssueClient(ApiUser.NameOfNode("a"), TimeSpan.FromHours(1), ApiUser.Nodes);
        File.WriteAllText(_kubeconfig, _api.Kubeconfig(identity));
        _access = ClusterAccess.Open(Kubeconfig.Load(_kubeconfig), null, default, _time);
        _tokens = new ServiceAccountTokens(_access.Client, _time, NullLogger.Instance);
        JsonObject made = _api.Create("pods", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "web" },
            ["spec"] = new JsonObject { ["nodeName"] = "a", ["containers"] = new JsonArray(new JsonObject { ["name"] = "main", ["image"] = "i" }) },
        });
        _pod = KubernetesJson.Read<V1Pod>(Encoding.UTF8.GetBytes(made.ToJsonString()))!;
    }

    [Fact]
    public async Task A_token_is_asked_for_once_and_anew_when_the_pod_was_told_that_it_is_due()
    {
        TaskCompletionSource<string> due = new();
        _tokens.Due += due.SetResult;
        string first = await TokenAsync();
        Assert.Equal("system:serviceaccount:default:default", _api.Tokens.Authenticate(first)?.Name);

        _time.Advance(TimeSpan.FromSeconds(3607 * 0.79));
        Assert.Equal(first, await TokenAsync());
        Assert.False(due.Task.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(3607 * 0.02));
        Assert.Equal(_pod.Metadata.Uid, await due.Task.WaitAsync(AgentHost.Deadline()));
        Assert.NotEqual(first, await TokenAsync());
    }

    [Fact]
    public async Task A_token_that_cannot_be_renewed_is_shown_until_it_expires_and_then_the_cause_is()
    {
        string first = await TokenAsync();
        using IDisposable _ = _api.Faults.Answer(503);

        _time.Advance(TimeSpan.FromSeconds(3607 * 0.9));
        Assert.Equal(first, await TokenAsync());

        _time.Advance(TimeSpan.FromSeconds(3607 * 0.2));
        PodTokens none = await _tokens.ForAsync(_pod, AgentHost.Deadline());
        Assert.Null(none.Find(Wish, out string fault));
        Assert.Contains("POST /api/v1/namespaces/default/serviceaccounts/default/token: 503", fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_know_yet_where_the_pod_runs_is_asked_again()
    {
        TaskCompletionSource asked = new();
        Task<PodTokens> tokens;
        using (_api.Faults.Answer(403, _ => asked.TrySetResult() || true))
        {
            tokens = _tokens.ForAsync(_pod, AgentHost.Deadline()).AsTask();
            await asked.Task.WaitAsync(AgentHost.Deadline());
        }

        Assert.NotNull((await InTimeAsync(tokens)).Find(Wish, out _));
    }

    [Fact]
    public async Task One_that_goes_on_refusing_is_told_of()
    {
        using IDisposable refuses = _api.Faults.Answer(403);
        Task<PodTokens> tokens = _tokens.ForAsync(_pod, AgentHost.Deadline()).AsTask();

        Assert.Null((await InTimeAsync(tokens)).Find(Wish, out string fault));
        Assert.Contains("token: 403", fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_of_a_pod_that_has_gone_is_kept()
    {
        string first = await TokenAsync();

        _tokens.Forget(_pod.Metadata.Uid);

        Assert.NotEqual(first, await TokenAsync());
    }

    public async ValueTask DisposeAsync()
    {
        _tokens.Dispose();
        _access.Dispose();
        await _api.DisposeAsync();
        File.Delete(_kubeconfig);
    }

    /// <summary>Lets the clock run while it is waited for.</summary>
    private async Task<PodTokens> InTimeAsync(Task<PodTokens> tokens)
    {
        for (CancellationToken deadline = AgentHost.Deadline(); !tokens.IsCompleted; await Task.Delay(1, deadline)) _time.Advance(TimeSpan.FromMilliseconds(1));
        return await tokens;
    }

    private async Task<string> TokenAsync()
    {
        PodTokens tokens = await _tokens.ForAsync(_pod, AgentHost.Deadline());
        return tokens.Find(Wish, out string fault) ?? throw new InvalidOperationException(fault);
    }
}
