using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Tests.Node.Images.Registry;

/// <summary>Pulls what skopeo pushed, from Debian's docker-registry.</summary>
public sealed class RegistryPullTests : IAsyncDisposable
{
    private readonly RegistryBench _bench = new();

    [Theory]
    [InlineData("oci")]
    [InlineData("v2s2")]
    public async Task An_image_pushed_by_skopeo_is_pulled_and_runs(string format)
    {
        await _bench.StartAsync();
        string archive = _bench.Host.MakeImage("hello.tar", "--add", "/etc/hostname:/one", "--add", "/etc/passwd:/two", "--add", "/etc/group:/three");
        await Tool.RunAsync("/usr/bin/skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--format", format, $"oci-archive:{archive}", $"docker://{_bench.Server}/team/hello:1");
        ImageStore store = _bench.NewStore();

        ImageRecord image = await store.PullAsync($"{_bench.Server}/team/hello:1", [], null, StoreHost.Deadline());

        Assert.Equal([$"{_bench.Server}/team/hello:1"], image.RepoTags);
        Assert.Equal(4, image.Layers.Length);
        await store.MountRootFileSystemAsync(image, _bench["container"], _bench["target"], null, null, StoreHost.Deadline());
        Assert.Equal(File.ReadAllText("/etc/group"), await Tool.RunAsync("/usr/sbin/chroot", _bench["target"], "/bin/cat", "/three"));
    }

    [Fact]
    public async Task An_image_is_pulled_by_its_digest_alone()
    {
        await _bench.StartAsync();
        await _bench.PushAsync("team/app:1", "x");
        string digest = (await _bench.PullAsync($"{_bench.Server}/team/app:1")).RepoDigests[0];

        ImageRecord image = await _bench.PullAsync(digest);

        Assert.StartsWith($"{_bench.Server}/team/app@sha256:", digest, StringComparison.Ordinal);
        Assert.Equal([digest], image.RepoDigests);
        Assert.Empty(image.RepoTags);
    }

    [Fact]
    public async Task Of_an_index_the_image_for_this_machine_is_pulled()
    {
        await _bench.StartAsync();
        await _bench.PushAsync("team/app:ours", "ours");
        await _bench.PushAsync("team/app:other", "other");
        ImageRecord ours = await _bench.PullAsync($"{_bench.Server}/team/app:ours");
        await PutIndexAsync("team/app", "both", [("s390x", "other"), (Platform.Host.Architecture, "ours")]);

        ImageRecord image = await _bench.PullAsync($"{_bench.Server}/team/app:both");

        Assert.Equal(ours.Id, image.Id);
        Assert.NotEqual(ours.RepoDigests, image.RepoDigests);
    }

    [Fact]
    public async Task An_index_without_this_machine_is_told_as_such()
    {
        await _bench.StartAsync();
        await _bench.PushAsync("team/app:other", "other");
        await PutIndexAsync("team/app", "both", [("s390x", "other")]);

        Assert.Contains("no match for platform in manifest", (await _bench.FailAsync($"{_bench.Server}/team/app:both")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("team/none:1")]
    [InlineData("team/app:none")]
    [InlineData("team/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    public async Task What_is_not_there_is_told_with_its_host_and_name(string name)
    {
        await _bench.StartAsync();
        await _bench.PushAsync("team/app:1", "x");

        ImageException missing = await _bench.FailAsync($"{_bench.Server}/{name}");

        Assert.Equal("ErrImagePull", missing.Reason);
        Assert.Matches($"^{Regex.Escape($"{_bench.Server}/{name}: http://{_bench.Server}: not found (404 Not Found: ")}.*; check the image's name and tag$", missing.Message);
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private async Task PutIndexAsync(string repository, string tag, (string Architecture, string Tag)[] images)
    {
        const string manifest = "application/vnd.oci.image.manifest.v1+json", index = "application/vnd.oci.image.index.v1+json";
        using HttpClient http = new();
        List<string> entries = [];
        foreach ((string architecture, string from) in images)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, $"http://{_bench.Server}/v2/{repository}/manifests/{from}");
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(manifest));
            using HttpResponseMessage got = await http.SendAsync(request, StoreHost.Deadline());
            byte[] content = await got.Content.ReadAsByteArrayAsync(StoreHost.Deadline());
            entries.Add($$$"""{"mediaType":"{{{manifest}}}","digest":"{{{ContentDigest.Of(content)}}}","size":{{{content.Length}}},"platform":{"os":"linux","architecture":"{{{architecture}}}"}}""");
        }
        string document = $$"""{"schemaVersion":2,"mediaType":"{{index}}","manifests":[{{string.Join(',', entries)}}]}""";
        using StringContent body = new(document, Encoding.UTF8, new MediaTypeHeaderValue(index));
        using HttpResponseMessage put = await http.PutAsync($"http://{_bench.Server}/v2/{repository}/manifests/{tag}", body, StoreHost.Deadline());
        Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(StoreHost.Deadline()));
    }
}
