using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Cluster;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Cluster;

public sealed class BootCacheTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly BootCache _cache;

    public BootCacheTests() => _cache = new BootCache(_directory["cluster"], NullLogger.Instance);

    [Fact]
    public void What_was_kept_is_what_is_read_without_what_only_the_server_says()
    {
        NodeObject secret = ApiObjects.Known(ObjectKey.Secret("default", "s"), new V1Secret { Metadata = new() { Name = "s", NamespaceProperty = "default" }, Data = new Dictionary<string, byte[]> { ["k"] = [1, 2] } });

        _cache.Keep(Pod(), [secret]);
        _cache.KeepAround([new V1Service { Metadata = new() { Name = "db", Uid = "9" }, Spec = new() { ClusterIP = "10.0.0.1" } }], [], new V1Node { Metadata = new() { Name = "a", Labels = new Dictionary<string, string> { ["rack"] = "7" } } });
        CachedCluster read = _cache.Load();

        V1Pod pod = Assert.Single(read.Pods);
        Assert.Equal(("web", "1"), (pod.Metadata.Name, pod.Metadata.Uid));
        Assert.Null(pod.Status);
        Assert.Equal(["mine"], pod.Metadata.Annotations.Keys);
        NodeObject found = Assert.Single(read.Objects);
        Assert.Equal((secret.Key, secret.Content), (found.Key, found.Content));
        Assert.Equal("10.0.0.1", Assert.Single(read.Services).Spec.ClusterIP);
        Assert.Equal("7", read.Node?.Metadata.Labels["rack"]);
    }

    [Fact]
    public void Secrets_are_readable_to_nobody_else()
    {
        _cache.Keep(Pod(), []);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_directory["cluster/pods/1.json"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_directory["cluster/pods"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"pod\": {}}")]
    [InlineData("{\"pod\": {}, \"objects\": []}")]
    [InlineData("{\"pod\": {\"metadata\": {\"name\": \"x\", \"uid\": \"2\"}}, \"objects\": []}")]
    [InlineData("{\"pod\": null, \"objects\": []}")]
    [InlineData("{\"pod\": {\"metadata\": {\"name\": \"x\", \"uid\": \"2\"}, \"spec\": {\"containers\": []}}, \"objects\": [{\"kind\": \"Nothing\", \"object\": {}}]}")]
    public void A_broken_file_is_set_aside_and_the_others_are_read(string content)
    {
        _cache.Keep(Pod(), []);
        File.WriteAllText(_directory["cluster/pods/2.json"], content);

        Assert.Equal("1", Assert.Single(_cache.Load().Pods).Metadata.Uid);
        Assert.True(File.Exists(_directory["cluster/pods/2.json.corrupt"]));
        Assert.Equal(["1"], _cache.KeptPods);
    }

    [Fact]
    public void Nothing_is_written_while_nothing_changes()
    {
        _cache.Keep(Pod(), []);
        DateTime written = File.GetLastWriteTimeUtc(_directory["cluster/pods/1.json"]);
        File.SetLastWriteTimeUtc(_directory["cluster/pods/1.json"], written.AddDays(-1));

        V1Pod reported = Pod();
        reported.Metadata.ResourceVersion = "99";
        reported.Status = new() { Phase = "Running" };
        _cache.Keep(reported, []);

        Assert.Equal(written.AddDays(-1), File.GetLastWriteTimeUtc(_directory["cluster/pods/1.json"]));
    }

    public void Dispose() => _directory.Dispose();

    private static V1Pod Pod() => new()
    {
        ApiVersion = "v1",
        Kind = "Pod",
        Metadata = new()
        {
            Name = "web",
            NamespaceProperty = "default",
            Uid = "1",
            ResourceVersion = "5",
            Annotations = new Dictionary<string, string> { [StaticPodIdentity.SourceAnnotation] = "api", [StaticPodIdentity.SeenAnnotation] = "now", ["mine"] = "yes" },
        },
        Spec = new() { NodeName = "a", Containers = [new() { Name = "main", Image = "i" }] },
        Status = new() { Phase = "Pending" },
    };
}
