using System.Diagnostics;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime.Cgroups;

namespace NativeKubelet.Tests.Node.Cgroups;

/// <summary>A tree of its own on the machine's real hierarchies, version 1, hybrid or 2, whichever is there.</summary>
public sealed class PodCgroupsTests : IAsyncLifetime
{
    private readonly CgroupLayout _layout = CgroupLayout.Detect();
    private readonly string _root = $"nk-test-{Guid.NewGuid():N}";
    private readonly string _uid = Guid.NewGuid().ToString();
    private readonly PodCgroups _pods;

    public PodCgroupsTests() => _pods = new(
        new CgroupTree(CgroupDriver.Cgroupfs, CgroupName.Root.Child(_root)),
        new CgroupFs(_layout, TimeProvider.System),
        new LimitSettings(8L << 30, _layout.Unified, []),
        NullLogger<PodCgroups>.Instance);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _pods.CreateRoot();
        _pods.EnsureNode(new GroupLimits(CpuShares: 2048, Memory: 1L << 30));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync() => Assert.True(await _pods.RemoveRootAsync(CancellationToken.None));

    [Fact]
    public void A_pods_limits_are_in_the_kernel()
    {
        PodCgroup pod = _pods.EnsurePod(Pod());

        Assert.Equal("134217728", Read("memory", pod, _layout.Unified ? "memory.max" : "memory.limit_in_bytes"));
        if (_layout.Unified)
        {
            Assert.Equal("10", Read("cpu", pod, "cpu.weight"));
            Assert.Equal("50000 100000", Read("cpu", pod, "cpu.max"));
        }
        else
        {
            Assert.Equal("256", Read("cpu", pod, "cpu.shares"));
            Assert.Equal("50000", Read("cpu", pod, "cpu.cfs_quota_us"));
            Assert.NotEqual("", Read("cpuset", pod, "cpuset.cpus"));
        }
    }

    [Fact]
    public async Task Removing_a_pod_kills_what_lives_in_it()
    {
        PodCgroup pod = _pods.EnsurePod(Pod());
        string leaf = _pods.EnsureLeaf(pod, "sandbox");
        using Process sleeper = Process.Start("sleep", "600");
        _pods.Attach(leaf, sleeper.Id);

        FoundPodCgroup found = Assert.Single(_pods.ListPods());
        Assert.Equal((_uid, pod.Path), (found.Uid, found.Path));
        Assert.Contains(sleeper.Id, found.Processes);

        Assert.True(await _pods.RemovePodAsync(_uid, Cancel));
        await sleeper.WaitForExitAsync(Cancel);
        Assert.Equal(137, sleeper.ExitCode);
        Assert.Empty(_pods.ListPods());
        Assert.True(await _pods.RemovePodAsync(_uid, Cancel));
    }

    [Fact]
    public async Task A_holder_finds_its_group_in_every_hierarchy()
    {
        using Process sleeper = Process.Start("sleep", "600");
        try
        {
            _pods.Attach(_pods.HolderGroup, sleeper.Id);
            string[] places = (await File.ReadAllLinesAsync($"/proc/{sleeper.Id}/cgroup", Cancel)).ToArray();
            Assert.All(_layout.Hierarchies.SelectMany(h => h.Controllers), c =>
                Assert.EndsWith(_pods.HolderGroup, places.Single(p => p.Split(':')[1].Split(',').Contains(c)), StringComparison.Ordinal));
        }
        finally
        {
            sleeper.Kill();
            await sleeper.WaitForExitAsync(CancellationToken.None);
        }
    }

    private string Read(string controller, PodCgroup pod, string file) =>
        File.ReadAllText($"{_layout.For(controller)!.Directory(pod.Path)}/{file}").Trim();

    private V1Pod Pod() => new()
    {
        Metadata = new V1ObjectMeta { Uid = _uid, Name = "p", NamespaceProperty = "default" },
        Spec = new V1PodSpec
        {
            Containers =
            [
                new V1Container
                {
                    Name = "c",
                    Resources = new V1ResourceRequirements
                    {
                        Requests = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("250m"), ["memory"] = new("64Mi") },
                        Limits = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("500m"), ["memory"] = new("128Mi") },
                    },
                },
            ],
        },
    };
}
