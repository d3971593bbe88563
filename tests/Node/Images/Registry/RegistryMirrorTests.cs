using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Images.Registry;

/// <summary>Where content comes from: hosts.toml, redirects and proxies.</summary>
public sealed class RegistryMirrorTests : IAsyncDisposable
{
    private const string Image = "registry.invalid/team/app:1";
    private readonly RegistryBench _bench = new();

    [Fact]
    public async Task A_mirror_serves_a_registry_that_is_out_of_reach()
    {
        await ServeAsync();
        _bench.Configure("registry.invalid", $"[host.\"http://{_bench.Server}\"]");

        ImageRecord image = await _bench.PullAsync(Image);

        Assert.Equal([Image], image.RepoTags);
        Assert.StartsWith("registry.invalid/team/app@sha256:", Assert.Single(image.RepoDigests), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mirror_is_told_for_whom_and_sees_only_its_own_credentials()
    {
        await ServeAsync();
        await using LoopbackServer mirror = Front(r => r["authorization"] is null ? LoopbackAnswer.Of(401, "", "WWW-Authenticate: Basic realm=x") : null);
        _bench.Configure("registry.invalid", $"[host.\"http://{mirror.Host}\"]\n[host.\"http://{mirror.Host}\".header]\nx-own = \"yes\"");
        RegistryCredential upstream = new("registry.invalid", "upstream", "u"), own = new(mirror.Host, "own", "o");

        await _bench.PullAsync(Image, upstream, own);

        Assert.All(mirror.Requests, r => Assert.EndsWith("?ns=registry.invalid", r.Target, StringComparison.Ordinal));
        Assert.All(mirror.Requests, r => Assert.Equal("yes", r["x-own"]));
        Assert.Equal([$"Basic {Convert.ToBase64String("own:o"u8)}"], mirror.Requests.Select(r => r["authorization"]).Where(a => a is not null).Distinct());
    }

    [Fact]
    public async Task A_mirror_that_lacks_an_image_fails_or_lies_is_passed_over()
    {
        await ServeAsync();
        foreach (LoopbackAnswer answer in (LoopbackAnswer[])[
            LoopbackAnswer.Of(404), LoopbackAnswer.Of(403), LoopbackAnswer.Of(503), LoopbackAnswer.Of(200, "{}", $"Docker-Content-Digest: sha256:{new string('0', 64)}"),
            LoopbackAnswer.Of(302, "", "Location: /v2/round"), LoopbackAnswer.Of(302, "", "Location: http://127.0.0.1:1/"), LoopbackAnswer.Of(200) with { Length = 1L << 40 }])
        {
            await using LoopbackServer mirror = new(_ => answer);
            _bench.Configure("registry.invalid", $"server = \"http://{_bench.Server}\"\n[host.\"http://{mirror.Host}\"]");

            Assert.Equal([Image], (await _bench.PullAsync(Image)).RepoTags);
            Assert.NotEmpty(mirror.Requests);
        }
    }

    [Fact]
    public async Task A_mirror_that_cannot_be_reached_is_asked_once_for_a_pull()
    {
        await ServeAsync();
        TaskCompletionSource never = new();
        await using LoopbackServer mirror = new(async (_, cancel) =>
        {
            await never.Task.WaitAsync(cancel);
            return LoopbackAnswer.Of(200);
        });
        _bench.Settings = _bench.Settings with { AnswerTimeout = TimeLimit.Of(1) };
        _bench.Configure("registry.invalid", $"server = \"http://{_bench.Server}\"\n[host.\"http://{mirror.Host}\"]");

        await _bench.PullAsync(Image);

        Assert.Single(mirror.Requests);
    }

    [Fact]
    public async Task A_mirror_without_the_right_to_resolve_serves_digests_only()
    {
        await ServeAsync();
        await using LoopbackServer mirror = Front(_ => null);
        _bench.Configure("registry.invalid", $"server = \"http://{_bench.Server}\"\n[host.\"http://{mirror.Host}\"]\ncapabilities = [\"pull\"]");

        await _bench.PullAsync(Image);

        Assert.NotEmpty(mirror.Requests);
        Assert.All(mirror.Requests, r => Assert.Contains("sha256:", r.Target, StringComparison.Ordinal));
    }

    [Fact]
    public async Task All_hosts_that_failed_are_told()
    {
        await using LoopbackServer one = new(_ => LoopbackAnswer.Of(404)), other = new(_ => LoopbackAnswer.Of(403, """{"errors":[{"code":"DENIED","message":"go\naway"}]}"""));
        _bench.Configure("registry.invalid", $"server = \"http://{other.Host}\"\n[host.\"http://{one.Host}\"]");

        ImageException refused = await _bench.FailAsync(Image);

        Assert.Equal("ErrImagePull", refused.Reason);
        Assert.StartsWith(
            $"{Image}: http://{one.Host}: not found (404 Said); http://{other.Host}: pull access denied (403 Said: go away; no credentials for this host); check that",
            refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_a_registry_sends_us_nobody_learns_who_we_are()
    {
        await ServeAsync();
        await using LoopbackServer storage = Front(_ => null);
        await using LoopbackServer registry = Front(r => r["authorization"] is null ? LoopbackAnswer.Of(401, "", "WWW-Authenticate: Basic realm=x")
            : r.Target.Contains("/blobs/", StringComparison.Ordinal) ? LoopbackAnswer.Of(307, "", $"Location: http://{storage.Host}{r.Target}") : null);
        _bench.Configure(registry.Host, $"server = \"http://{registry.Host}\"\n[header]\nx-secret = \"s\"");

        await _bench.PullAsync($"{registry.Host}/team/app:1", new RegistryCredential(registry.Host, "u", "p"));

        Assert.Contains(registry.Requests, r => r["authorization"] is not null && r["x-secret"] is not null);
        Assert.NotEmpty(storage.Requests);
        Assert.All(storage.Requests, r => Assert.True(r["authorization"] is null && r["x-secret"] is null));
    }

    [Fact]
    public async Task Who_is_not_asked_for_credentials_by_the_registry_itself_gets_none()
    {
        await using LoopbackServer thief = new(_ => LoopbackAnswer.Of(401, "", "WWW-Authenticate: Basic realm=x"));
        await using LoopbackServer registry = new(_ => LoopbackAnswer.Of(302, "", $"Location: http://{thief.Host}/"));

        ImageException refused = await _bench.FailAsync($"{registry.Host}/team/app:1", new RegistryCredential(registry.Host, "u", "p"), new RegistryCredential(thief.Host, "t", "t"));

        Assert.Contains($"redirected to http://{thief.Host}: 401", refused.Message, StringComparison.Ordinal);
        Assert.All(thief.Requests, r => Assert.Null(r["authorization"]));
    }

    [Fact]
    public async Task A_proxy_is_asked_for_everything_but_its_exceptions()
    {
        await ServeAsync();
        await using LoopbackServer proxy = Front(_ => null);
        _bench.Settings = _bench.Settings with { Proxy = new(new($"http://{proxy.Host}"), null, []) };

        await _bench.PullAsync("registry.invalid:80/team/app:1");
        _bench.Settings = _bench.Settings with { Proxy = _bench.Settings.Proxy with { Exceptions = ["invalid"] } };
        int asked = proxy.Requests.Count;
        ImageException direct = await _bench.FailAsync("registry.invalid:80/team/app:1");

        Assert.All(proxy.Requests, r => Assert.StartsWith("http://registry.invalid/v2/team/app/", r.Target, StringComparison.Ordinal));
        Assert.Equal("RegistryUnavailable", direct.Reason);
        Assert.Equal(asked, proxy.Requests.Count);
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private async Task ServeAsync()
    {
        await _bench.StartAsync();
        await _bench.PushAsync("team/app:1", "x");
    }

    /// <summary>Stands before the real registry and may answer in its place.</summary>
    private LoopbackServer Front(Func<LoopbackRequest, LoopbackAnswer?> own)
    {
        LoopbackServer front = null!;
        front = new(async (request, cancel) => own(request) ?? await front.ForwardAsync(_bench.Server, request, cancel));
        return front;
    }
}
