using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Cluster;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Cluster;

public sealed class BootCacheTests : IDisposable
{
    private static readonly ClusterOrigin Here = new("https://10.0.0.1/", ["a"]);

    private readonly TemporaryDirectory _directory = new();
    private readonly BootCache _cache;

    public BootCacheTests() => _cache = new BootCache(_directory["cluster"], null, NullLogger.Instance);

    [Fact]
    public void What_was_kept_is_what_is_read_without_what_only_the_server_says()
    {
        NodeObject secret = ApiObjects.Known(ObjectKey.Secret("default", "s"), new V1Secret { Metadata = new() { Name = "s", NamespaceProperty = "default" }, Data = new Dictionary<string, byte[]> { ["k"] = [1, 2] } });

        _cache.Keep(Pod(), [secret]);
        _cache.KeepAround([new V1Service { Metadata = new() { Name = "db", Uid = "9" }, Spec = new() { ClusterIP = "10.0.0.1" } }], [], new V1Node { Metadata = new() { Name = "a", Labels = new Dictionary<string, string> { ["rack"] = "7" } } });
        CachedCluster read = _cache.Load(Here);

        V1Pod pod = Assert.Single(read.Pods);
        Assert.Equal(("web", "1"), (pod.Metadata.Name, pod.Metadata.Uid));
        Assert.Null(pod.Status);
        Assert.Equal(["mine"], pod.Metadata.Annotations.Keys);
        NodeObject found = Assert.Single(read.Objects);
        Assert.Equal((secret.Key, secret.Content), (found.Key, found.Content));
        Assert.Equal("10.0.0.1", Assert.Single(read.Services).Spec.ClusterIP);
        Assert.Equal("7", read.Node?.Metadata.Labels["rack"]);
    }

    [Theory]
    [InlineData("https://10.0.0.1/", "b", false)]
    [InlineData("https://10.0.0.2/", "a", true)]
    [InlineData("https://10.0.0.2/", "b a", true)]
    [InlineData("https://10.0.0.1/", "", true)]
    [InlineData("https://10.0.0.2/", "", false)]
    public void What_another_cluster_wanted_here_is_removed(string server, string authorities, bool same)
    {
        _cache.Load(Here);
        _cache.Keep(Pod(), []);
        _cache.KeepAround([], [], new V1Node { Metadata = new() { Name = "a" } });

        CachedCluster read = _cache.Load(new(server, [.. authorities.Split(' ', StringSplitOptions.RemoveEmptyEntries)]));

        Assert.Equal((same, same), (read.Pods.Length == 1, read.Node is not null));
        Assert.Equal(same, File.Exists(_directory["cluster/pods/1.json"]));
        Assert.Equal(read.Pods.Length, _cache.Load(new(server, [.. authorities.Split(' ', StringSplitOptions.RemoveEmptyEntries)])).Pods.Length);
    }

    [Fact]
    public void A_cluster_is_known_by_the_keys_of_its_authorities()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256), other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Kubeconfig first = Naming(Authority(key)), renewed = Naming(Authority(key)), both = Naming(Authority(other) + Authority(key)), foreign = Naming(Authority(other));

        Assert.True(ClusterOrigin.Of(first)!.MayBe(ClusterOrigin.Of(renewed)!));
        Assert.True(ClusterOrigin.Of(both)!.MayBe(ClusterOrigin.Of(first)!));
        Assert.False(ClusterOrigin.Of(foreign)!.MayBe(ClusterOrigin.Of(first)!));
        Assert.Null(ClusterOrigin.Of(Naming("no certificate")));

        static string Authority(ECDsa key)
        {
            using X509Certificate2 made = new CertificateRequest("CN=kubernetes", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(1));
            return made.ExportCertificatePem() + "\n";
        }

        static Kubeconfig Naming(string authorities) =>
            new(new Uri("https://10.0.0.1/"), authorities, null, null, false, null, new(null, null, null, null, null, null, null, null, null, null, []));
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

        Assert.Equal("1", Assert.Single(_cache.Load(Here).Pods).Metadata.Uid);
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

    [Fact]
    public void Under_a_key_nothing_is_legible_and_all_is_read_again()
    {
        BootCache cache = Sealed(Key(1));
        NodeObject secret = ApiObjects.Known(ObjectKey.Secret("default", "s"), new V1Secret { Metadata = new() { Name = "s", NamespaceProperty = "default" }, StringData = new Dictionary<string, string> { ["k"] = "hidden" } });
        cache.Keep(Pod(), [secret]);
        cache.KeepAround([], [], new V1Node { Metadata = new() { Name = "legible" } });

        Assert.All(Directory.EnumerateFiles(_directory["cluster"], "*", SearchOption.AllDirectories), file =>
            Assert.All((string[])["hidden", "legible", "web", "metadata"], word => Assert.DoesNotContain(word, File.ReadAllText(file), StringComparison.Ordinal)));
        CachedCluster read = cache.Load(Here);
        Assert.Equal(("web", "s", "legible"), (read.Pods[0].Metadata.Name, read.Objects[0].Key.Name, read.Node!.Metadata.Name));

        byte[] written = File.ReadAllBytes(_directory["cluster/pods/1.json"]);
        cache.Keep(Pod(), [secret]);
        Assert.Equal(written, File.ReadAllBytes(_directory["cluster/pods/1.json"]));
    }

    [Fact]
    public void Under_another_key_or_name_or_with_a_changed_byte_nothing_is_read()
    {
        Sealed(Key(1)).Keep(Pod(), []);
        byte[] written = File.ReadAllBytes(_directory["cluster/pods/1.json"]);

        Assert.Empty(Sealed(Key(2)).Load(Here).Pods);
        Assert.True(File.Exists(_directory["cluster/pods/1.json.corrupt"]));
        File.WriteAllBytes(_directory["cluster/pods/2.json"], written);
        Assert.Empty(Sealed(Key(1)).Load(Here).Pods);
        foreach (int place in (int[])[0, 12, written.Length / 2, written.Length - 1])
        {
            byte[] changed = [.. written];
            changed[place] ^= 1;
            File.WriteAllBytes(_directory["cluster/pods/1.json"], changed);
            Assert.Empty(Sealed(Key(1)).Load(Here).Pods);
        }
    }

    [Fact]
    public void Plain_files_of_before_there_was_a_key_are_removed()
    {
        _cache.Keep(Pod(), []);
        File.WriteAllText(_directory["cluster/cluster.json.corrupt"], "{");
        File.WriteAllText(_directory["cluster/pods/.2.json.0.nk-tmp"], "{");

        Assert.Empty(Sealed(Key(1)).Load(Here).Pods);
        Assert.Equal([_directory["cluster/origin.json"]], Directory.GetFiles(_directory["cluster"], "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("", "holds neither 32 bytes nor their base64")]
    [InlineData("c2hvcnQ=", "holds neither 32 bytes nor their base64")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "holds neither 32 bytes nor their base64")]
    public void A_key_of_another_size_is_none(string content, string fault)
    {
        string path = Key(1);
        File.WriteAllText(path, content);

        Assert.EndsWith(fault, Assert.Throws<IOException>(() => CacheSeal.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_may_be_base64_and_nobody_else_may_read_it()
    {
        string raw = Key(1), text = _directory["text"];
        File.WriteAllText(text, Convert.ToBase64String(File.ReadAllBytes(raw)) + "\n");
        File.SetUnixFileMode(text, UnixFileMode.UserRead);
        Assert.Equal([7], CacheSeal.Read(raw).Open("n", CacheSeal.Read(text).Close("n", [7])));

        File.SetUnixFileMode(text, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Contains("can be read or written by others", Assert.Throws<IOException>(() => CacheSeal.Read(text)).Message, StringComparison.Ordinal);
        Assert.Contains("is missing", Assert.Throws<IOException>(() => CacheSeal.Read(_directory["none"])).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _directory.Dispose();

    private BootCache Sealed(string key) => new(_directory["cluster"], CacheSeal.Read(key), NullLogger.Instance);

    /// <returns>The path of a key of its own.</returns>
    private string Key(byte which)
    {
        string path = _directory["key" + which];
        File.WriteAllBytes(path, [.. Enumerable.Repeat(which, 32)]);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

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
