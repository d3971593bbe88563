using k8s.Models;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Volumes;

public sealed class ImageVolumeTests
{
    [Fact]
    public async Task An_images_files_are_mounted_for_reading_and_go_with_the_pod()
    {
        using VolumesHost node = new();
        ImageRecord image = (await node.Images.Store.ImportAsync(node.Images.MakeImage("busybox.tar"), VolumesHost.Deadline())).Single();
        V1Pod pod = await node.SetUpAsync(
            "volumes: [{name: v, image: {reference: localhost/nativekubelet/hello:latest, pullPolicy: Never}}]",
            "- {name: v, mountPath: /v}\n- {name: v, mountPath: /b, subPath: bin}");
        await node.Volumes.SetUpImageAsync(pod, pod.Spec.Volumes[0], image, null, VolumesHost.Deadline());
        ResolvedMount[] mounts = [.. await node.MountsAsync(pod)];

        Assert.True(File.Exists($"{mounts[0].HostPath}/bin/busybox"));
        Assert.True(File.Exists($"{mounts[1].HostPath}/busybox"));
        Assert.True(mounts is [{ ReadOnly: true, NoExec: true }, { ReadOnly: true, NoExec: true }]);
        Assert.Contains("Read-only file system", Assert.ThrowsAny<IOException>(() => File.WriteAllText($"{mounts[0].HostPath}/new", "")).Message, StringComparison.Ordinal);

        await node.Volumes.TearDownAsync(pod.Metadata.Uid, VolumesHost.Deadline());
        Assert.Empty(node.MountPoints());
        Assert.True(await node.Images.Store.RemoveAsync("localhost/nativekubelet/hello:latest", VolumesHost.Deadline()));
        Assert.Empty(node.Images.LayerDirectories);
    }

    [Fact]
    public async Task Where_owners_cannot_be_shown_through_a_pods_users_the_field_and_what_it_needs_are_named()
    {
        using VolumesHost node = new();
        ImageRecord image = (await node.Images.Store.ImportAsync(node.Images.MakeImage("busybox.tar"), VolumesHost.Deadline())).Single();
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, image: {reference: localhost/nativekubelet/hello:latest, pullPolicy: Never}}]", "- {name: v, mountPath: /v}");

        // No kernel shows owners through the host's own namespace.
        RuntimeException e = await Assert.ThrowsAsync<RuntimeException>(() => node.Volumes.SetUpImageAsync(pod, pod.Spec.Volumes[0], image, Environment.ProcessId, VolumesHost.Deadline()));

        Assert.Equal("CreateContainerError", e.Reason);
        Assert.Matches("volume \"v\".*`spec.hostUsers: false`.*needs Linux 5.19 and a file system", e.Message);
        Assert.Empty(node.MountPoints());
    }

    [Fact]
    public async Task Layers_that_an_agent_left_mounted_as_it_was_killed_go_with_the_pod()
    {
        using VolumesHost node = new();
        ImageRecord image = (await node.Images.Store.ImportAsync(node.Images.MakeImage("busybox.tar"), VolumesHost.Deadline())).Single();
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, image: {reference: localhost/nativekubelet/hello:latest, pullPolicy: Never}}]", "- {name: v, mountPath: /v}");
        await node.Volumes.SetUpImageAsync(pod, pod.Spec.Volumes[0], image, null, VolumesHost.Deadline());
        string left = Directory.CreateDirectory(Path.Combine(node.Paths.PodDirectory(pod.Metadata.Uid), "plugins/kubernetes.io~image/v/layers/0")).FullName;
        MountPoint.Bind(node.Images.LayerDirectories[0], left, recursive: false, readOnly: false);

        await node.Volumes.TearDownAsync(pod.Metadata.Uid, VolumesHost.Deadline());

        Assert.Empty(node.MountPoints());
        Assert.NotEmpty(Directory.GetFileSystemEntries(node.Images.LayerDirectories[0]));
    }

    [Fact]
    public async Task A_path_that_an_image_does_not_have_is_refused_as_nothing_can_be_made_in_it()
    {
        using VolumesHost node = new();
        ImageRecord image = (await node.Images.Store.ImportAsync(node.Images.MakeImage("busybox.tar"), VolumesHost.Deadline())).Single();
        V1Pod pod = await node.SetUpAsync("volumes: [{name: v, image: {reference: localhost/nativekubelet/hello:latest, pullPolicy: Never}}]", "- {name: v, mountPath: /n, subPath: none}");
        await node.Volumes.SetUpImageAsync(pod, pod.Spec.Volumes[0], image, null, VolumesHost.Deadline());

        VolumeException e = await Assert.ThrowsAsync<VolumeException>(() => node.MountsAsync(pod));
        Assert.Equal(Errno.EROFS, Assert.IsType<ErrnoException>(e.InnerException).Errno);
    }
}
