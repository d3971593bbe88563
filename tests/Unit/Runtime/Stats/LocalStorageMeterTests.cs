using k8s.Models;
using NativeKubelet.Core.Eviction;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.Runtime.Stats;

public sealed class LocalStorageMeterTests : IDisposable
{
    private const int Mi = 1 << 20, Slack = 64 << 10;     // directories take blocks too

    private readonly TemporaryDirectory _directory = new();
    private readonly RuntimePaths _paths;

    public LocalStorageMeterTests() =>
        _paths = new(At("root"), At("data"), At("run"), At("logs"), At("links"));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Layers_logs_volumes_on_disk_and_bound_files_make_up_the_pods_use()
    {
        Fill("data/containers/c1/upper/var/file", 2);
        Fill("data/containers/c1/record.json", 1);                             // the node's own
        Fill("logs/default_web_u1/main/0.log", 1);
        Fill("logs/default_web_u1/gone/0.log", 1);
        Fill("root/pods/u1/volumes/kubernetes.io~empty-dir/cache/file", 3);
        Fill("root/pods/u1/volumes/kubernetes.io~configmap/map/file", 1);
        Fill("root/pods/u1/volumes/kubernetes.io~secret/secret/file", 1);      // in memory on a node
        Fill("root/pods/u1/containers/main/1a2b", 1);

        LocalStorageUse use = Measure("100Mi");

        Assert.InRange(use.Total, 9 * Mi, 9 * Mi + Slack);
        Assert.InRange(use.Containers["main"], 3 * Mi, 3 * Mi + Slack);
    }

    [Fact]
    public void A_volume_with_a_limit_alone_is_all_that_is_looked_at()
    {
        Fill("root/pods/u1/volumes/kubernetes.io~empty-dir/cache/file", 3);
        Fill("logs/default_web_u1/main/0.log", 1);

        LocalStorageUse use = Measure(null);

        Assert.InRange(use.EmptyDirs["cache"], 3 * Mi, 3 * Mi + Slack);
        Assert.Equal(0, use.Total);
    }

    [Fact]
    public void A_walk_ends_where_the_limit_is_exceeded()
    {
        foreach (int i in Enumerable.Range(0, 8)) Fill($"root/pods/u1/volumes/kubernetes.io~empty-dir/cache/{i}", 2);

        Assert.InRange(Measure(null).EmptyDirs["cache"], 4 * Mi, 8 * Mi);      // of 16
    }

    [Fact]
    public void What_is_not_there_takes_nothing() => Assert.Equal((0L, 0L), (Measure("1Mi").Total, Measure("1Mi").EmptyDirs["cache"]));

    private LocalStorageUse Measure(string? limit)
    {
        Directory.CreateDirectory(_paths.Root);
        Directory.CreateDirectory(_paths.Data);
        V1Pod pod = new()
        {
            Metadata = new() { Name = "web", NamespaceProperty = "default", Uid = "u1", Annotations = new Dictionary<string, string> { [StaticPodIdentity.SourceAnnotation] = "api" } },
            Spec = new()
            {
                Containers = [new() { Name = "main", Resources = limit is null ? null : new() { Limits = new Dictionary<string, ResourceQuantity> { ["ephemeral-storage"] = new(limit) } } }],
                Volumes = [new() { Name = "cache", EmptyDir = new() { SizeLimit = new ResourceQuantity("4Mi") } }],
            },
        };
        ContainerState running = new("c1", "s", "main", 0, 0, "", "", "", ContainerPhase.Running, 1, default, null, null, 0, "", "", At("logs/default_web_u1/main/0.log"));
        return new LocalStorageMeter(_paths).Measure(pod, LocalStorageLimits.Of(pod)!, [running], TestContext.Current.CancellationToken);
    }

    private string At(string path) => Path.Combine(_directory.Path, path);

    private void Fill(string path, int megabytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllBytes(At(path), new byte[megabytes * Mi]);
    }
}
