using System.Diagnostics;
using k8s.Models;
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
    private PodCgroups _pods = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _pods = await NodeDriver.CgroupsAsync(_root, _layout, new LimitSettings(8L << 30, _layout.Unified, []));
        await _pods.CreateRootAsync(Cancel);
        await _pods.EnsureNodeAsync(new GroupLimits(CpuShares: 2048, Memory: 1L << 30), Cancel);
    }

    public async ValueTask DisposeAsync() => Assert.True(await TimeLimit.AgainAsync(() => _pods.RemoveRootAsync(CancellationToken.None)));

    [Fact]
    public async Task A_pods_limits_are_in_the_kernel()
    {
        PodCgroup pod = await _pods.EnsurePodAsync(Pod(), Cancel);

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
        PodCgroup pod = await _pods.EnsurePodAsync(Pod(), Cancel);
        using Process sleeper = Process.Start("sleep", "600");
        await _pods.PlacePauseAsync(pod, "sandbox", sleeper.Id, Cancel);

        FoundPodCgroup found = Assert.Single(_pods.ListPods());
        Assert.Equal((_uid, pod.Path), (found.Uid, found.Path));
        Assert.Contains(sleeper.Id, found.Processes);

        Assert.True(await TimeLimit.AgainAsync(() => _pods.RemovePodAsync(_uid, Cancel)));
        await sleeper.WaitForExitAsync(Cancel);
        Assert.Equal(137, sleeper.ExitCode);
        Assert.Empty(_pods.ListPods());
        Assert.True(await TimeLimit.AgainAsync(() => _pods.RemovePodAsync(_uid, Cancel)));
    }

    [Fact]
    public async Task A_quota_goes_below_that_of_a_container_whose_group_was_removed_a_moment_ago()
    {
        PodCgroup pod = await _pods.EnsurePodAsync(Pod(), Cancel);
        string group = _pods.Tree.LeafPath(pod.Name, "container");
        // Version 1 goes on counting the removed group until the kernel has freed it: of a few, one is always met.
        for (int i = 0; i < 5; i++)
        {
            await _pods.SetPodAsync(pod, new GroupLimits(CpuQuota: 50_000, CpuPeriod: 100_000), Cancel);
            using (Process sleeper = Process.Start("sleep", "600"))
            {
                await _pods.PlacePauseAsync(pod, "container", sleeper.Id, Cancel);
                await _pods.SetContainerAsync(group, new GroupLimits(CpuQuota: 40_000, CpuPeriod: 100_000), Cancel);
                sleeper.Kill();
                await sleeper.WaitForExitAsync(Cancel);
            }
            Assert.True(await _pods.RemoveLeafAsync(group, Cancel));

            await _pods.SetPodAsync(pod, new GroupLimits(CpuQuota: 20_000, CpuPeriod: 100_000), Cancel);
        }
    }

    [Fact]
    public async Task A_holder_finds_its_group_in_every_hierarchy()
    {
        using Process sleeper = Process.Start("sleep", "600");
        try
        {
            await _pods.PlaceHolderAsync("sandbox", sleeper.Id, Cancel);
            string[] places = (await File.ReadAllLinesAsync($"/proc/{sleeper.Id}/cgroup", Cancel)).ToArray();
            if (_layout.Unified) Assert.Equal($"0::{_pods.HolderGroup("sandbox")}", Assert.Single(places));
            Assert.All(_layout.Hierarchies.SelectMany(h => h.Controllers), c =>
                Assert.EndsWith(_pods.HolderGroup("sandbox"), places.Single(p => p.Split(':')[1].Split(',').Contains(c)), StringComparison.Ordinal));
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
