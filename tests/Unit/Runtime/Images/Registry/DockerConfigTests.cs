using System.Text;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images.Registry;

namespace NativeKubelet.Tests.Unit.Runtime.Images.Registry;

public sealed class DockerConfigTests
{
    private static string[] Users(string[] keys, string domain, string path)
    {
        string auths = string.Join(',', keys.Select(k => $$"""  "{{k}}": {"username": "{{k}}", "password": "p"} """));
        return [.. DockerConfig.Parse(Encoding.UTF8.GetBytes($$"""{"auths": { {{auths}} } }""")).Find(domain, path).Select(c => c.Username)];
    }

    [Theory]
    [InlineData("registry.example", "registry.example", "a/b", true)]
    [InlineData("https://registry.example", "registry.example", "a/b", true)]
    [InlineData("https://registry.example/v1/", "registry.example", "a/b", true)]
    [InlineData("registry.example/v2/", "registry.example", "a/b", true)]
    [InlineData("registry.example/a", "registry.example", "a/b", true)]
    [InlineData("registry.example/a/b", "registry.example", "a/b", true)]
    [InlineData("registry.example/v2/a", "registry.example", "a/b", true)]
    [InlineData("registry.example/a/b/c", "registry.example", "a/b", false)]
    [InlineData("registry.example/a", "registry.example", "ab/c", false)]
    [InlineData("registry.example:5000", "registry.example:5000", "a", true)]
    [InlineData("registry.example:5000", "registry.example", "a", false)]
    [InlineData("registry.example", "registry.example:5000", "a", false)]
    [InlineData("*.example", "registry.example", "a", true)]
    [InlineData("*.example", "a.registry.example", "a", false)]
    [InlineData("reg*.example", "registry.example", "a", true)]
    [InlineData("*", "registry.example", "a", false)]
    [InlineData("evil.example", "registry.example", "a", false)]
    [InlineData("example", "registry.example", "a", false)]
    [InlineData("https://index.docker.io/v1/", "docker.io", "library/a", true)]
    [InlineData("docker.io", "docker.io", "library/a", true)]
    [InlineData("[::1]:5000", "[::1]:5000", "a", true)]
    public void A_key_matches_by_host_port_and_beginning_of_the_path(string key, string domain, string path, bool matches) =>
        Assert.Equal(matches ? [key] : [], Users([key], domain, path));

    [Fact]
    public void All_matches_are_tried_the_longest_path_first() =>
        Assert.Equal(["r.example/a/b", "r.example/a", "r.example", "*.example"], Users(["*.example", "r.example", "r.example/a/b", "x.example", "r.example/a"], "r.example", "a/b/c"));

    [Fact]
    public void A_credential_is_bound_to_the_host_of_the_image()
    {
        RegistryCredential found = Assert.Single(DockerConfig.Parse("""{"auths":{"*.example":{"auth":"dTpwOnE="}}}"""u8).Find("r.example", "a"));

        Assert.Equal(new RegistryCredential("r.example", "u", "p:q"), found);
    }

    [Theory]
    [InlineData("dTpw")]
    [InlineData("dTpwAAA=")]
    [InlineData("dTpwAA")]
    public void A_packed_user_and_password_are_unpacked(string auth)
    {
        RegistryCredential found = Assert.Single(DockerConfig.ParseLegacy(Encoding.UTF8.GetBytes($$$"""{"r.example":{"auth":"{{{auth}}}","email":"x"}}""")).Find("r.example", "a"));

        Assert.Equal(("u", "p"), (found.Username, found.Password));
    }

    [Fact]
    public void An_identity_token_stands_for_a_password() =>
        Assert.Equal("t", DockerConfig.Parse("""{"auths":{"r.example":{"identitytoken":"t"}}}"""u8).Find("r.example", "a")[0].IdentityToken);

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"credsStore":"pass","auths":{"r.example":{}}}""")]
    [InlineData("""{"auths":{"r.example":null}}""")]
    [InlineData("""{"auths":null}""")]
    public void A_file_without_credentials_is_empty(string json) => Assert.True(DockerConfig.Parse(Encoding.UTF8.GetBytes(json)).IsEmpty);

    [Theory]
    [InlineData("")]
    [InlineData("secret")]
    [InlineData("""{"auths":["secret"]}""")]
    [InlineData("""{"auths":{"r.example":{"password":{"x":"secret"}}}}""")]
    [InlineData("""{"auths":{"r.example":{"auth":"secret!"}}}""")]
    [InlineData("""{"auths":{"r.example":{"auth":"c2VjcmV0"}}}""")]
    public void A_broken_file_is_refused_without_telling_its_secrets(string json) =>
        Assert.DoesNotContain("secret", Assert.Throws<FormatException>(() => DockerConfig.Parse(Encoding.UTF8.GetBytes(json))).Message, StringComparison.Ordinal);

    [Fact]
    public void The_node_is_searched_where_the_kubelet_searches() => Assert.Equal(
        ["/k/config.json", "/w/config.json", "/h/.docker/config.json", "/.docker/config.json", "/k/.dockercfg", "/w/.dockercfg", "/h/.dockercfg", "/.dockercfg"],
        NodeCredentials.Files("/k", "/w", "/h"));
}
