using k8s.Models;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Volumes;

public sealed class EmptyDirTests
{
    private const string Mounts = "- {name: v, mountPath: /v}";

    [Fact]
    public async Task On_disk_everybody_may_write_and_the_pods_group_owns_what_is_made()
    {
        using VolumesHost node = new();
        V1Pod pod = await node.SetUpAsync("securityContext: {fsGroup: 4321}\nvolumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}]", Mounts);
        string directory = await node.DirectoryAsync(pod);
        Assert.Equal((0x5FFu, 4321u), VolumesHost.Owner(directory));

        File.WriteAllText($"{directory}/kept", "");
        await node.Volumes.SetUpAsync(pod, VolumesHost.Deadline());
        Assert.Equal(4321u, VolumesHost.Owner($"{directory}/kept").Gid);
    }

    [Theory]
    [InlineData("sizeLimit: 1Mi", "size=1024k")]
    [InlineData("sizeLimit: 1Gi", "size=65536k")]
    [InlineData("", "size=65536k")]
    public async Task In_memory_the_least_of_node_pod_and_volume_bounds_it(string limit, string option)
    {
        using VolumesHost node = new();
        V1Pod pod = await node.SetUpAsync($"volumes: [{{name: v, emptyDir: {{medium: Memory, {limit}}}}}]", Mounts);
        string directory = await node.DirectoryAsync(pod);
        File.WriteAllText($"{directory}/kept", "");
        await node.Volumes.SetUpAsync(pod, VolumesHost.Deadline());

        MountInfo mount = MountInfo.ReadOwn().Single(m => m.MountPoint == directory);
        Assert.Contains(option, mount.SuperOptions, StringComparison.Ordinal);
        Assert.True(File.Exists($"{directory}/kept"));
    }

    [Fact]
    public async Task A_volume_that_is_in_use_is_not_taken_away_and_goes_once_it_is_free()
    {
        using VolumesHost node = new();
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, emptyDir: {medium: Memory}}]", Mounts);
        string directory = await node.DirectoryAsync(pod);
        using (File.Create($"{directory}/open"))
        {
            VolumeException e = await Assert.ThrowsAsync<VolumeException>(() => node.Volumes.TearDownAsync(pod.Metadata.Uid, VolumesHost.Deadline()));
            Assert.Contains("busy", e.Message, StringComparison.Ordinal);
            Assert.True(File.Exists($"{directory}/open"));
        }
        await node.Volumes.TearDownAsync(pod.Metadata.Uid, VolumesHost.Deadline());
        Assert.Empty(node.MountPoints());
    }

    [Fact]
    public async Task Something_that_others_mounted_in_a_volume_is_never_emptied()
    {
        using VolumesHost node = new();
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, emptyDir: {}}]", Mounts);
        string inner = $"{await node.DirectoryAsync(pod)}/inner", foreign = $"{node.Home}/foreign";
        Directory.CreateDirectory(inner);
        Directory.CreateDirectory(foreign);
        File.WriteAllText($"{foreign}/precious", "");
        MountPoint.Bind(foreign, inner, recursive: false, readOnly: false);

        await Assert.ThrowsAsync<VolumeException>(() => node.Volumes.TearDownAsync(pod.Metadata.Uid, VolumesHost.Deadline()));
        Assert.True(File.Exists($"{foreign}/precious"));

        MountPoint.Detach(inner);
        await node.Volumes.TearDownAsync(pod.Metadata.Uid, VolumesHost.Deadline());
        Assert.True(File.Exists($"{foreign}/precious"));
    }

    [Fact]
    public async Task Two_hundred_pods_leave_no_mount_no_file_and_no_open_file()
    {
        using VolumesHost node = new();
        node.Define("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: one}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {t: hush}");
        int files = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        for (int i = 0; i < 200; i++)
        {
            V1Pod pod = await node.SetUpAsync(
                "volumes: [{name: v, emptyDir: {}}, {name: m, configMap: {name: m}}, {name: s, secret: {secretName: s}}, {name: t, emptyDir: {medium: Memory}}]",
                "- {name: v, mountPath: /v}\n- {name: m, mountPath: /m, subPath: a}\n- {name: s, mountPath: /s}\n- {name: t, mountPath: /t}");
            await node.MountsAsync(pod);
            await node.Volumes.TearDownAsync(pod.Metadata.Uid, VolumesHost.Deadline());
            Runtime.Volumes.PodDirectory.Remove(node.Paths, pod.Metadata.Uid);
        }
        GC.Collect();
        GC.WaitForPendingFinalizers();

        Assert.Empty(node.MountPoints());
        Assert.Empty(Directory.GetFileSystemEntries($"{node.Paths.Root}/pods"));
        // Other tests open files too; one file a pod would be two hundred.
        Assert.InRange(Directory.GetFileSystemEntries("/proc/self/fd").Length, 0, files + 100);
    }
}
