using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Api.Oci;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.SELinux;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class RuntimeSpecBuilderTests
{
    [Theory]
    [InlineData(null, null, "/entry image-arg")]
    [InlineData(null, "a b", "/entry a b")]
    [InlineData("/cmd", null, "/cmd")]
    [InlineData("/cmd", "a", "/cmd a")]
    public void Command_and_args_replace_the_images_as_Kubernetes_defines(string? command, string? args, string expected)
    {
        RuntimeSpec spec = Build(c => { c.Command = command?.Split(' '); c.Args = args?.Split(' '); });

        Assert.Equal(expected.Split(' '), spec.Process.Args);
    }

    [Fact]
    public void No_command_anywhere_is_an_error()
    {
        ContainerConfigException refusal = Assert.Throws<ContainerConfigException>(() => Build(_ => { }, ImageConfig.Empty));

        Assert.Contains("no command specified", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Environment_is_the_images_overridden_by_the_pods_and_completed()
    {
        RuntimeSpec spec = Build(
            c => c.Env = [new V1EnvVar { Name = "B", Value = "pod" }, new V1EnvVar { Name = "C", Value = "$(B)-$(A)" }],
            Image with { Env = ["A=image", "B=image", "broken"] });

        Assert.Equal(["A=image", "B=pod", "C=pod-$(A)", $"PATH={ContainerEnvironment.DefaultPath}", "HOSTNAME=web", "HOME=/root"], spec.Process.Env);
    }

    [Theory]
    [InlineData("relative")]
    [InlineData("/proc/self/fd/8")]
    [InlineData("/srv/../proc/self/fd/7")]
    [InlineData("//proc")]
    public void Working_directories_that_lead_to_the_host_are_refused(string directory)
    {
        Assert.Throws<ContainerConfigException>(() => Build(c => c.WorkingDir = directory));
        Assert.Throws<ContainerConfigException>(() => Build(_ => { }, Image with { WorkingDir = directory }));
    }

    [Theory]
    [InlineData("/proc")]
    [InlineData("/proc/sys")]
    public void Nothing_is_mounted_over_proc(string destination) =>
        Assert.Throws<ContainerConfigException>(() => Build(_ => { }, mounts: [new RuntimeMount(destination, "bind", "/x", [])]));

    [Fact]
    public void Inheritable_and_ambient_capabilities_are_empty_and_the_rest_equal()
    {
        RuntimeCapabilities granted = Build(c => c.SecurityContext = new V1SecurityContext
        {
            Capabilities = new V1Capabilities { Add = ["net_admin", "CAP_SYS_TIME"], Drop = ["CAP_SYS_TIME", "mknod"] },
        }).Process.Capabilities;

        Assert.Empty(granted.Inheritable);
        Assert.Empty(granted.Ambient);
        Assert.Equal(granted.Bounding, granted.Effective);
        Assert.Equal(granted.Bounding, granted.Permitted);
        Assert.Contains("CAP_NET_ADMIN", granted.Bounding);
        Assert.DoesNotContain("CAP_SYS_TIME", granted.Bounding);
        Assert.DoesNotContain("CAP_MKNOD", granted.Bounding);
    }

    [Fact]
    public void Drop_all_leaves_only_what_is_added_by_name()
    {
        RuntimeCapabilities granted = Build(c => c.SecurityContext = new V1SecurityContext
        {
            Capabilities = new V1Capabilities { Add = ["NET_BIND_SERVICE"], Drop = ["ALL"] },
        }).Process.Capabilities;

        Assert.Equal(["CAP_NET_BIND_SERVICE"], granted.Bounding);
    }

    [Fact]
    public void An_unprivileged_container_sees_the_kernel_read_only_and_masked()
    {
        RuntimeSpec spec = Build(_ => { });

        Assert.Contains("ro", spec.Mounts.Single(m => m.Destination == "/sys").Options);
        Assert.Contains("ro", spec.Mounts.Single(m => m.Destination == "/sys/fs/cgroup").Options);
        Assert.Contains("/proc/interrupts", spec.Linux.MaskedPaths);
        Assert.Contains("/sys/devices/system/cpu/cpu0/thermal_throttle", spec.Linux.MaskedPaths);
        Assert.Contains("/proc/sys", spec.Linux.ReadonlyPaths);
        Assert.False(Assert.Single(spec.Linux.Resources.Devices).Allow);
    }

    [Fact]
    public void A_privileged_container_sees_it_as_the_host_does()
    {
        RuntimeSpec spec = Build(c => c.SecurityContext = new V1SecurityContext { Privileged = true });

        Assert.Contains("rw", spec.Mounts.Single(m => m.Destination == "/sys").Options);
        Assert.Empty(spec.Linux.MaskedPaths);
        Assert.Empty(spec.Linux.ReadonlyPaths);
        Assert.True(Assert.Single(spec.Linux.Resources.Devices).Allow);
    }

    [Fact]
    public void A_volume_takes_the_place_of_a_base_mount_and_parents_come_first()
    {
        RuntimeSpec spec = Build(_ => { }, mounts:
        [
            new RuntimeMount("/data/inner", "bind", "/b", ["rbind"]),
            new RuntimeMount("/etc/hosts", "bind", "/h", ["rbind"]),
            new RuntimeMount("/data", "bind", "/a", ["rbind"]),
        ]);

        Assert.Equal("/h", spec.Mounts.Single(m => m.Destination == "/etc/hosts").Source);
        List<string> order = [.. spec.Mounts.Select(m => m.Destination)];
        Assert.True(order.IndexOf("/data") < order.IndexOf("/data/inner"));
    }

    [Fact]
    public void A_pod_of_the_host_network_joins_no_network_namespace()
    {
        RuntimeSpec spec = Build(_ => { }, sandbox: Sandbox with { NetworkNamespace = null, UtsNamespace = null });

        Assert.DoesNotContain(spec.Linux.Namespaces, n => n.Type is "network" or "uts");
        Assert.Contains(spec.Linux.Namespaces, n => n is { Type: "pid", Path: null });
    }

    [Fact]
    public void Labels_are_the_processs_and_the_runtimes_own_mounts_and_without_SELinux_there_are_none()
    {
        RuntimeSpec labelled = Build(_ => { }, labels: new("process", "file")), none = Build(_ => { });

        Assert.Equal(("process", "file"), (labelled.Process.SelinuxLabel, labelled.Linux.MountLabel));
        Assert.Equal((null, null), (none.Process.SelinuxLabel, none.Linux.MountLabel));
        Assert.DoesNotContain(labelled.Mounts, m => m.Options.Contains("context=\"file\""));
    }

    [Fact]
    public void In_a_pod_with_users_of_its_own_the_mounts_that_can_be_labelled_are_each_and_the_queues_are_not()
    {
        RuntimeSpec spec = Build(_ => { }, labels: new("process", "file:s0:c1,c2"), users: new("/proc/5/ns/user", "/root", null));

        Assert.Equal(("process", null), (spec.Process.SelinuxLabel, spec.Linux.MountLabel));
        Assert.Equal(["/dev", "/dev/pts"], spec.Mounts.Where(m => m.Options.Contains("context=\"file:s0:c1,c2\"")).Select(m => m.Destination));
    }

    private static readonly ImageConfig Image = ImageConfig.Empty with { Entrypoint = ["/entry"], Cmd = ["image-arg"] };

    private static readonly SandboxView Sandbox = new("web", "/run/netns", "/proc/5/ns/ipc", "/proc/5/ns/uts", null, "/shm", "/resolv", "/hostname", "/hosts", "/term");

    private static RuntimeSpec Build(Action<V1Container> change, ImageConfig? image = null, ImmutableArray<RuntimeMount> mounts = default, SandboxView? sandbox = null, ContainerLabels? labels = null, UsersView? users = null)
    {
        V1Container container = new() { Name = "c", Image = "img" };
        change(container);
        V1Pod pod = new() { Metadata = new V1ObjectMeta { Name = "web" }, Spec = new V1PodSpec { Containers = [container] } };
        return RuntimeSpecBuilder.Build(new ContainerBlueprint(
            pod, container, image ?? Image, new ContainerUser(0, 0, [0], "/root"), ContainerEnvironment.Declared(pod, container, Sources.None), sandbox ?? Sandbox, "/kubepods/pod1/c1",
            new RuntimeResources([]), 1000, mounts.IsDefault ? [] : mounts, [], CapabilitySet.Compute(container.SecurityContext, CapabilitySet.All),
            ContainerConfinement.None with { Labels = labels }, new MachineView(false, ["/sys/devices/system/cpu/cpu0/thermal_throttle"]))
        {
            Users = users,
        });
    }
}
