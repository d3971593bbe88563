using System.Text.Json;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Manifests;

public sealed class StaticPodUidTests
{
    private const string Pod = """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i","args":["a","b"],"tty":true,"ports":[{"containerPort":80}]}]}}""";

    /// <summary>Never change these: other values here restart every static pod on every upgraded machine.</summary>
    [Theory]
    [InlineData("{}", "file", "/m/a.yaml", "n", "4669259595bb02fa146e10ac16eef4a8")]
    [InlineData(Pod, "file", "/m/a.yaml", "n", "e0bf15cdaa6f37d2163dfa1ce799a476")]
    [InlineData(Pod, "http", "http://h/p", "n", "65a34e4b34e5b96fee2874efd7a8f4e3")]
    public void Golden_vectors_hold(string json, string source, string location, string node, string uid) =>
        Assert.Equal(uid, Of(json, new ManifestOrigin(source, location, node)));

    [Fact]
    public void Order_of_keys_and_nulls_do_not_matter() =>
        Assert.Equal(Of("""{"a":1,"b":{"c":"x","d":true}}"""), Of("""{"b":{"d":true,"e":null,"c":"x"},"z":null,"a":1}"""));

    [Theory]
    [InlineData("""{"a":["b","c"]}""", """{"a":["bc"]}""")]
    [InlineData("""{"a":["b","c"]}""", """{"a":["c","b"]}""")]
    [InlineData("""{"a":[["b"],"c"]}""", """{"a":[["b","c"]]}""")]
    [InlineData("""{"a":"1"}""", """{"a":1}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{},"b":"c"}""")]
    [InlineData("""{"a":[]}""", """{"a":{}}""")]
    public void Every_difference_in_content_makes_another_uid(string one, string other) => Assert.NotEqual(Of(one), Of(other));

    [Fact]
    public void Path_and_node_are_part_of_it_for_files_and_the_node_is_not_for_urls()
    {
        string uid = Of("{}", ManifestOrigin.File("/a", "n"));

        Assert.NotEqual(uid, Of("{}", ManifestOrigin.File("/b", "n")));
        Assert.NotEqual(uid, Of("{}", ManifestOrigin.File("/a", "m")));
        Assert.Equal(Of("{}", ManifestOrigin.Url("u", "n")), Of("{}", ManifestOrigin.Url("u", "m")));
    }

    [Fact]
    public void Labels_annotations_and_spec_change_it_and_spelling_does_not()
    {
        string uid = Manifest.Pod(Manifest.Yaml()).Metadata.Uid;

        Assert.Equal(32, uid.Length);
        Assert.NotEqual(uid, Manifest.Pod(Manifest.Yaml("tty: true")).Metadata.Uid);
        Assert.NotEqual(uid, Manifest.Pod(Manifest.Yaml().Replace("name: p", "name: p, labels: {a: b}", StringComparison.Ordinal)).Metadata.Uid);
        Assert.Equal(uid, Manifest.Pod("# a comment\n" + Manifest.Yaml().Replace("busybox", "'busybox'", StringComparison.Ordinal)).Metadata.Uid);
    }

    [Fact]
    public void A_uid_that_the_manifest_gives_is_used_unless_it_could_leave_its_directory()
    {
        string With(string uid) => Manifest.Yaml().Replace("name: p", $"name: p, uid: {uid}", StringComparison.Ordinal);

        Assert.Equal("ab-12", Manifest.Pod(With("ab-12")).Metadata.Uid);
        Assert.Contains(Manifest.Errors(With("'../../etc'")), e => e.StartsWith("metadata.uid: Invalid value", StringComparison.Ordinal));
    }

    private static string Of(string json, ManifestOrigin? origin = null)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return StaticPodUid.Compute(document.RootElement, origin ?? ManifestOrigin.File("/f", "n"));
    }
}
