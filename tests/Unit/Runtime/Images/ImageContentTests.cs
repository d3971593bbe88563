using System.Collections.Immutable;
using System.Text;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Tests.Unit.Runtime.Images;

public sealed class ImageContentTests
{
    private const string D = "\"digest\":\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"size\":5";
    private const string Index = "application/vnd.oci.image.index.v1+json", Manifest = "application/vnd.oci.image.manifest.v1+json";

    [Theory]
    [InlineData($$"""{"config":{ {{D}} },"layers":[{ {{D}} }]}""", null)]
    [InlineData($$"""{"config":{ {{D}} },"layers":[{ {{D}},"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip"}]}""", "application/vnd.docker.distribution.manifest.v2+json")]
    [InlineData($$"""{"schemaVersion":2,"mediaType":"{{Manifest}}","config":{ {{D}} },"layers":[],"unknown":{"deep":[1] } }""", Manifest)]
    public void A_manifest_is_read(string json, string? type) => Assert.NotNull(Read(json, type).Manifest);

    public static TheoryData<string, string?, string> Refused => new()
    {
        { "", null, "no such document" },
        { "null", null, "null" },
        { "[]", null, "no such document" },
        { "{}", null, "no config" },
        { $$"""{"config":{ {{D}} },"layers":[],"manifests":[]}""", null, "at once" },
        { $$"""{"manifests":[],"manifests":[]}""", null, "no such document" },
        { $$"""{"manifests":[]}""", Manifest, "is no" },
        { $$"""{"config":{ {{D}} },"layers":[]}""", Index, "is no" },
        { $$"""{"mediaType":"{{Index}}","config":{ {{D}} },"layers":[]}""", null, "is no" },
        { """{"schemaVersion":1,"fsLayers":[],"history":[]}""", null, "no longer supported" },
        { """{"schemaVersion":2}""", "application/vnd.docker.distribution.manifest.v1+prettyjws", "no longer supported" },
        { """{"config":{"digest":"sha256:12","size":5},"layers":[]}""", null, "no digest" },
        { """{"config":{"digest":"../../../etc/passwd","size":5},"layers":[]}""", null, "no digest" },
        { $$"""{"config":{ {{D}} },"layers":[{"digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","size":-1}] }""", null, "no size" },
        { """{"config":{"digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},"layers":[]}""", null, "no size" },
        { $$"""{"config":{ {{D}},"mediaType":"application/vnd.cncf.helm.config.v1+json"},"layers":[]}""", null, "artifact" },
        { $$"""{"config":{ {{D}} },"layers":[{ {{D}},"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip+encrypted"}]}""", null, "cannot be unpacked" },
        { $$"""{"config":{ {{D}} },"layers":[null]}""", null, "" },
        { $$"""{"config":{ {{D}} },"layers":[{{string.Join(',', Enumerable.Repeat("{" + D + "}", 501))}}]}""", null, "501 layers" },
        { new string('[', 100), null, "no such document" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_no_manifest_is_refused_in_words(string json, string? type, string expected) =>
        Assert.Contains(expected, Assert.Throws<ImageFormatException>(() => Read(json, type)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_document_beyond_all_measure_is_not_even_looked_at() =>
        Assert.Contains("at most", Assert.Throws<ImageFormatException>(() => ImageContent.ReadManifest(new byte[ImageContent.LargestDocument + 1], null)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_configuration_gives_what_a_container_takes_from_its_image()
    {
        ImageConfiguration read = ImageContent.ReadConfig(Encoding.UTF8.GetBytes("""
            {"os":"linux","architecture":"arm64","variant":"v8","rootfs":{"type":"layers","diff_ids":["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]},
             "config":{"Entrypoint":["/e"],"Cmd":null,"Env":["A=b"],"WorkingDir":"/w","User":"1:2","StopSignal":"SIGINT","Volumes":{"/b":{},"/a":{}},"Labels":{"x":"y"}}}
            """));

        Assert.Equal(new Platform("linux", "arm64", "v8"), read.Platform);
        Assert.Equal(["/e"], read.Config.Entrypoint);
        Assert.Empty(read.Config.Cmd);
        Assert.Equal(["/a", "/b"], read.Config.Volumes);
        Assert.Equal(("/w", "1:2", "SIGINT"), (read.Config.WorkingDir, read.Config.User, read.Config.StopSignal));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"rootfs":{}}""")]
    [InlineData("""{"rootfs":{"diff_ids":[null]}}""")]
    [InlineData("""{"rootfs":{"diff_ids":["sha256:../.."]}}""")]
    public void What_is_no_configuration_is_refused(string json) => Assert.Throws<ImageFormatException>(() => ImageContent.ReadConfig(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("amd64/v3", "amd64 amd64/v2 amd64/v4 386", "amd64/v2")]
    [InlineData("amd64/v1", "amd64/v2 386", "386")]
    [InlineData("amd64/v1", "s390x arm64", null)]
    [InlineData("arm64/v8", "arm/v6 arm/v7 amd64", "arm/v7")]
    [InlineData("arm64/v8", "arm/v7 arm64", "arm64")]
    [InlineData("arm/v7", "arm/v8 arm/v5 arm/v6", "arm/v6")]
    [InlineData("amd64/v2", "amd64 amd64/v1", "amd64")]
    [InlineData("amd64/v2", "", null)]
    public void The_best_that_runs_here_is_chosen_and_the_first_of_equals(string host, string offered, string? expected)
    {
        static Platform P(string text) => text.Split('/') is [var a, var v] ? new("linux", a, v) : new("linux", text, "");
        ContentDigest any = ContentDigest.Of("x"u8);

        ContentDescriptor? choice = Platform.Choose(
            offered.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(o => new ContentDescriptor("", any, 1, P(o), ImmutableDictionary<string, string>.Empty)), P(host));

        Assert.Equal(expected is null ? null : P(expected), choice?.Platform);
    }

    private static (ImmutableArray<ContentDescriptor> Index, ImageManifest? Manifest) Read(string json, string? type) => ImageContent.ReadManifest(Encoding.UTF8.GetBytes(json), type);
}
