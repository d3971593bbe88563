using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Containers;

/// <summary>Groups of a running pod get other values, on the machine's real hierarchies and by the driver that is asked for.</summary>
public sealed class ResizeTests
{
    private const long Mi = 1 << 20;
    private static readonly CgroupLayout Layout = CgroupLayout.Detect();

    [Fact]
    public async Task The_groups_of_a_pod_and_its_container_get_what_is_granted_and_the_next_agent_knows_it()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (V1Pod pod, SandboxState sandbox, ContainerState container) = await host.RunAsync("exec sleep 1000", p => p.Spec.Containers[0].Resources = Resources("100m", "200m", "64Mi"));
        V1Pod granted = With(pod, Resources("1", "2", "128Mi"));
        ResizableAmounts now = new(1000, 2000, 128 * Mi, 128 * Mi);
        Assert.Equal(new(100, 200, 64 * Mi, 64 * Mi), container.Amounts);

        await host.Runtime.ResizeAsync(new(sandbox.Id, granted, [new(container.Id, "main", container.Amounts)]), RuntimeHost.Deadline());

        AssertInForce();
        Assert.Equal((now, PodAllocation.Of(granted.Spec)), (host.Find(container.Id).Amounts, host.Runtime.Sandboxes.Single().Granted));
        if (NodeDriver.Systemd)
        {
            Tool.Run("/bin/systemctl", "daemon-reload");
            AssertInForce();
        }
        await host.RestartAgentAsync();
        Assert.Equal((now, PodAllocation.Of(granted.Spec), false), (host.Find(container.Id).Amounts, host.Runtime.Sandboxes.Single().Granted, host.Runtime.Sandboxes.Single().Resizing));
        await host.RemoveAsync(pod);

        void AssertInForce()
        {
            string leaf = host.Cgroups.Tree.LeafPath(host.Cgroups.Of(pod).Name, container.Id), group = host.Cgroups.Of(pod).Path;
            foreach (string path in (string[])[leaf, group])
                Assert.Equal((200_000, 128 * Mi), (Read("cpu", path, "cpu.cfs_quota_us", "cpu.max"), Read("memory", path, "memory.limit_in_bytes", "memory.max")));
            Assert.Equal(Layout.Unified ? 100 : 1024, Read("cpu", leaf, "cpu.shares", "cpu.weight"));
            Assert.Equal(Layout.Unified ? 39 : 1024, Read("cpu", group, "cpu.shares", "cpu.weight"));
            if (!Layout.Unified && File.Exists(FileOf("memory", leaf, "memory.memsw.limit_in_bytes")))
                Assert.Equal(128 * Mi, Read("memory", leaf, "memory.memsw.limit_in_bytes", ""));
        }
    }

    [Fact]
    public async Task A_resize_that_the_kernel_refuses_half_way_is_known_as_broken_off_and_done_again_as_a_whole()
    {
        Assert.SkipWhen(Layout.Unified, "version 2 lets a group ask for more CPU than the one above has");
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (V1Pod pod, SandboxState sandbox, ContainerState container) = await host.RunAsync("exec sleep 1000", p => p.Spec.Containers[0].Resources = Resources("100m", "200m", "64Mi"));
        string leaf = host.Cgroups.Tree.LeafPath(host.Cgroups.Of(pod).Name, container.Id), below = Path.GetDirectoryName(FileOf("cpu", leaf + "/below", "any"))!;
        Directory.CreateDirectory(below);
        await File.WriteAllTextAsync(below + "/cpu.cfs_quota_us", "20000", RuntimeHost.Deadline());
        V1Pod granted = With(pod, Resources("50m", "100m", "128Mi"));

        RuntimeException refused = await Assert.ThrowsAsync<RuntimeException>(() =>
            host.Runtime.ResizeAsync(new(sandbox.Id, granted, [new(container.Id, "main", container.Amounts)]), RuntimeHost.Deadline()));

        Assert.Contains("cpu.cfs_quota_us", refused.Message, StringComparison.Ordinal);
        await host.RestartAgentAsync();
        Assert.True(host.Runtime.Sandboxes.Single().Resizing);

        Directory.Delete(below);
        // Not what was asked for before: nobody can tell any more what of that is in force.
        await host.Runtime.ResizeAsync(new(sandbox.Id, pod, [new(container.Id, "main", null)]), RuntimeHost.Deadline());
        foreach (string path in (string[])[leaf, host.Cgroups.Of(pod).Path])
            Assert.Equal((20_000, 64 * Mi), (Read("cpu", path, "cpu.cfs_quota_us", ""), Read("memory", path, "memory.limit_in_bytes", "")));
        Assert.False(host.Runtime.Sandboxes.Single().Resizing);
        await host.RemoveAsync(pod);
    }

    private static V1ResourceRequirements Resources(string request, string limit, string memory) => new()
    {
        Requests = new Dictionary<string, ResourceQuantity> { ["cpu"] = new(request), ["memory"] = new(memory) },
        Limits = new Dictionary<string, ResourceQuantity> { ["cpu"] = new(limit), ["memory"] = new(memory) },
    };

    private static V1Pod With(V1Pod pod, V1ResourceRequirements resources) => pod with { Spec = pod.Spec with { Containers = [pod.Spec.Containers[0] with { Resources = resources }] } };

    private static long Read(string controller, string group, string legacy, string unified) =>
        long.Parse(File.ReadAllText(FileOf(controller, group, Layout.Unified ? unified : legacy)).Split(' ')[0]);

    private static string FileOf(string controller, string group, string file) => $"{Layout.For(controller)!.Directory(group)}/{file}";
}
