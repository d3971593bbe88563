using System.Collections.Immutable;
using System.Text;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Volumes;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Volumes;

/// <summary>The volumes of a node of its own, on the real kernel; no pod of it runs.</summary>
public sealed class VolumesHost : IObjects, IDisposable
{
    private NodeObjects _objects = NodeObjects.Empty;

    public StoreHost Images { get; } = new();

    public GivenTokens Tokens { get; } = new();

    public VolumesHost()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it mounts");
        Home = $"/var/tmp/nk-test-{Guid.NewGuid():N}";
        Paths = new(Path.Combine(Home, "root"), Path.Combine(Home, "data"), Path.Combine(Home, "run"), Path.Combine(Home, "pods"), Path.Combine(Home, "links"));
        Directory.CreateDirectory(Paths.Root);
        Volumes = new(Paths, this, Tokens, Images.Store, Allocatable, new("node", new Dictionary<string, string> { ["kubernetes.io/hostname"] = "node" }), TimeProvider.System, NullLogger<Runtime.Volumes.Volumes>.Instance);
    }

    public static ResourceAmounts Allocatable { get; } = ResourceAmounts.None.With("memory", Quantity.Parse("64Mi")).With("cpu", Quantity.Parse("2"));

    public string Home { get; }
    public RuntimePaths Paths { get; }
    public Runtime.Volumes.Volumes Volumes { get; }

    public event Action<ImmutableHashSet<ObjectKey>>? Changed { add { } remove { } }

    public static CancellationToken Deadline() => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;

    public ValueTask<NodeObjects> ForAsync(V1Pod pod, CancellationToken cancel) => ValueTask.FromResult(_objects);

    /// <summary>Exactly these documents are defined from now on.</summary>
    public void Define(string yaml)
    {
        (_objects, _, _) = _objects.Replaced(yaml.Length == 0 ? [] : Decode(yaml).Objects);
    }

    public V1Pod Pod(string spec, string mounts)
    {
        V1Pod pod = Decode($"""
            apiVersion: v1
            kind: Pod
            metadata: {"{"}name: p, uid: {Guid.NewGuid()}, labels: {"{"}app: shop{"}"}{"}"}
            spec:
              {spec.ReplaceLineEndings("\n  ")}
              containers:
              - name: main
                image: busybox
                resources: {"{"}limits: {"{"}cpu: 1500m{"}"}{"}"}
                volumeMounts:
                {mounts.ReplaceLineEndings("\n    ")}
            """).Pods.Single();
        PodDirectory.Create(Paths, pod.Metadata.Uid);
        return pod;
    }

    public async Task<V1Pod> SetUpAsync(string spec, string mounts)
    {
        V1Pod pod = Pod(spec, mounts);
        await Volumes.SetUpAsync(pod, Deadline());
        return pod;
    }

    /// <summary>A pod with a volume that shows its token, as an API server makes it; no manifest may.</summary>
    public V1Pod PodWithToken(string spec)
    {
        V1Pod pod = Pod($"{spec}\nvolumes: [{{name: v, projected: {{}}}}]", "- {name: v, mountPath: /v}");
        pod.Spec.Volumes[0].Projected.Sources = [new() { ServiceAccountToken = new() { Path = "token", ExpirationSeconds = 3607 } }];
        return pod;
    }

    public async Task<ImmutableArray<ResolvedMount>> MountsAsync(V1Pod pod, params (string Name, string Value)[] environment) =>
        await Volumes.MountsAsync(pod, pod.Spec.Containers[0], environment.ToDictionary(e => e.Name, e => e.Value), Deadline());

    public async Task<string> DirectoryAsync(V1Pod pod) => (await MountsAsync(pod))[0].HostPath;

    public string[] MountPoints() => [.. MountInfo.ReadOwn().Select(m => m.MountPoint).Where(p => p.StartsWith(Home + "/", StringComparison.Ordinal))];

    public static (uint Mode, uint Gid) Owner(string path)
    {
        using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(path)!);
        using var file = parent.OpenInside(Path.GetFileName(path), OpenFlags.PathOnly, PathBorder.Refuse);
        FileStatus status = DirectoryHandle.StatusOf(file, path);
        return (status.Permissions, status.Gid);
    }

    public void Dispose()
    {
        foreach (string mount in MountPoints().Reverse()) MountPoint.Detach(mount);
        DirectoryHandle.DeleteTree(Home);
        Images.Dispose();
    }

    private static DecodedManifest Decode(string yaml)
    {
        DecodedManifest read = ManifestDecoder.Decode(Encoding.UTF8.GetBytes(yaml), ManifestOrigin.File("/p.yaml", "node"), DateTimeOffset.UnixEpoch);
        Assert.True(read.Valid, string.Join('\n', read.Problems));
        return read;
    }
}
