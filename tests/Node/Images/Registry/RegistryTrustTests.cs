using System.Net;
using System.Text;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Images.Registry;

/// <summary>Who the registry is, and who we are.</summary>
public sealed class RegistryTrustTests : IAsyncDisposable
{
    private readonly RegistryBench _bench = new();
    private readonly List<TestAuthority> _authorities = [];

    [Fact]
    public async Task A_user_and_password_open_a_registry_and_nothing_else_does()
    {
        await ServeAsync(RegistryOptions.Basic(_bench.Host.Root));

        ImageRecord image = await _bench.PullAsync(Image, Right);
        ImageException wrong = await _bench.FailAsync(Image, Right with { Password = "s3cret" });
        ImageException none = await _bench.FailAsync(Image);
        ImageException elsewhere = await _bench.FailAsync(Image, Right with { Registry = "registry.example" });

        Assert.Equal([Image], image.RepoTags);
        Assert.Equal("ErrImagePull", wrong.Reason);
        Assert.Contains("pull access denied (401 Unauthorized: authentication required; the credentials were not accepted); check that", wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", wrong.ToString(), StringComparison.Ordinal);
        Assert.Contains("no credentials for this host", none.Message, StringComparison.Ordinal);
        Assert.Contains("no credentials for this host", elsewhere.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_pods_credentials_are_tried_before_the_nodes()
    {
        await ServeAsync(RegistryOptions.Basic(_bench.Host.Root));
        _bench.Remember(_bench.Server, RegistryOptions.User, RegistryOptions.Password);

        Assert.Equal([Image], (await _bench.PullAsync(Image)).RepoTags);
        Assert.Equal([Image], (await _bench.PullAsync(Image, Right with { Password = "old" }, Right with { Username = "other" })).RepoTags);
        _bench.Remember($"{_bench.Server}/other", RegistryOptions.User, RegistryOptions.Password);
        await _bench.FailAsync(Image);
    }

    [Fact]
    public async Task A_token_is_fetched_once_for_a_pull_and_shown_to_the_registry_alone()
    {
        TestAuthority authority = Authority();
        await using LoopbackServer tokens = new(r => LoopbackAnswer.Of(200, $$"""{"token":"{{authority.Token("team/app", Allows(r))}}","expires_in":300}"""));
        await ServeAsync(RegistryOptions.Token(new($"http://{tokens.Host}/token?account=x"), authority.CertificateFile));

        await _bench.PullAsync(Image, Right);

        LoopbackRequest asked = Assert.Single(tokens.Requests);
        Assert.Equal("/token?account=x&service=test-service&scope=repository%3Ateam%2Fapp%3Apull", asked.Target);
        Assert.Contains("401", (await _bench.FailAsync(Image)).Message, StringComparison.Ordinal);
        Assert.Null(tokens.Requests[^1]["authorization"]);
    }

    [Fact]
    public async Task An_identity_token_is_posted_and_falls_back_to_the_password()
    {
        TestAuthority authority = Authority();
        bool posts = true;
        await using LoopbackServer tokens = new(r => r.Method == "POST" && !posts ? LoopbackAnswer.Of(405)
            : LoopbackAnswer.Of(200, $$"""{"access_token":"{{authority.Token("team/app", r.Body.Contains("refresh_token=id%2Ftoken", StringComparison.Ordinal) || Allows(r))}}"}"""));
        await ServeAsync(RegistryOptions.Token(new($"http://{tokens.Host}/token"), authority.CertificateFile));

        await _bench.PullAsync(Image, Right with { IdentityToken = "id/token" });
        posts = false;
        await _bench.PullAsync(Image, Right with { IdentityToken = "id/token" });

        Assert.Equal(["POST", "POST", "GET"], tokens.Requests.Select(r => r.Method));
        Assert.Equal("grant_type=refresh_token&client_id=nativekubelet&service=test-service&scope=repository%3Ateam%2Fapp%3Apull&refresh_token=id%2Ftoken", tokens.Requests[0].Body);
    }

    [Fact]
    public async Task An_own_authority_vouches_for_a_registry_once_it_is_named()
    {
        TestAuthority authority = Authority();
        await ServeAsync(EncryptedBy(authority));
        _bench.Configure(_bench.Server, $"server = \"https://{_bench.Server}\"");

        ImageException untrusted = await _bench.FailAsync(Image);
        _bench.Configure(_bench.Server, $"server = \"https://{_bench.Server}\"\nca = \"{authority.CertificateFile}\"");
        ImageRecord named = await _bench.PullAsync(Image);
        _bench.Configure(_bench.Server, $"server = \"https://{_bench.Server}\"\nca = \"{Authority().CertificateFile}\"");
        ImageException another = await _bench.FailAsync(Image);
        _bench.Configure(_bench.Server, $"server = \"https://{_bench.Server}\"\nskip_verify = true");
        ImageRecord unverified = await _bench.PullAsync(Image);

        Assert.Equal("ErrImagePull", untrusted.Reason);
        Assert.Contains("no trusted TLS connection", untrusted.Message, StringComparison.Ordinal);
        Assert.Contains("name the certificate authority by ca in the registry's hosts.toml", untrusted.Message, StringComparison.Ordinal);
        Assert.Contains("no trusted TLS connection", another.Message, StringComparison.Ordinal);
        Assert.Equal(named.Id, unverified.Id);
    }

    [Fact]
    public async Task A_certificate_for_another_address_is_refused()
    {
        TestAuthority authority = Authority();
        (string certificate, string key) = authority.Issue("elsewhere", IPAddress.Parse("127.0.0.2"));
        await ServeAsync(RegistryOptions.Encrypted(certificate, key));
        _bench.Configure(_bench.Server, $"server = \"https://{_bench.Server}\"\nca = \"{authority.CertificateFile}\"");

        Assert.Contains("no trusted TLS connection", (await _bench.FailAsync(Image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Certificates_in_dockers_directory_are_enough_and_tell_who_we_are()
    {
        TestAuthority authority = Authority();
        (string certificate, string key) = authority.Issue("server", IPAddress.Loopback);
        await ServeAsync(RegistryOptions.Encrypted(certificate, key, authority.CertificateFile));
        string directory = _bench.Configure(_bench.Server, File.ReadAllText(authority.CertificateFile), "ca.crt");

        await _bench.FailAsync(Image);
        (string own, string ownKey) = authority.Issue("node", IPAddress.Loopback);
        File.Copy(own, Path.Combine(directory, "node.cert"));
        File.Copy(ownKey, Path.Combine(directory, "node.key"));

        Assert.Equal([Image], (await _bench.PullAsync(Image)).RepoTags);
    }

    [Theory]
    [InlineData("server = 1", "hosts.toml line 1: server must be text in quotes")]
    [InlineData("ca = \"/nonexistent.crt\"", "certificate /nonexistent.crt: ")]
    public async Task What_cannot_be_read_stops_the_pull_and_names_the_file(string hosts, string reason)
    {
        _bench.Configure("registry.example", hosts);

        ImageException refused = await _bench.FailAsync("registry.example/a");

        Assert.Equal("ErrImagePull", refused.Reason);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _bench.DisposeAsync();
        foreach (TestAuthority authority in _authorities) authority.Dispose();
    }

    private string Image => $"{_bench.Server}/team/app:1";

    private RegistryCredential Right => new(_bench.Server, RegistryOptions.User, RegistryOptions.Password);

    private static bool Allows(LoopbackRequest request) =>
        request["authorization"] == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{RegistryOptions.User}:{RegistryOptions.Password}"));

    private TestAuthority Authority()
    {
        TestAuthority authority = new(_bench[$"authority{_authorities.Count}"]);
        _authorities.Add(authority);
        return authority;
    }

    private static RegistryOptions EncryptedBy(TestAuthority authority)
    {
        (string certificate, string key) = authority.Issue("server", IPAddress.Loopback);
        return RegistryOptions.Encrypted(certificate, key);
    }

    private async Task ServeAsync(RegistryOptions options)
    {
        await _bench.StartAsync();
        await _bench.PushAsync("team/app:1", "x");
        await _bench.StartAsync(options);
    }
}
