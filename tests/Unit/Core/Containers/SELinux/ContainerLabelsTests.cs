using k8s.Models;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.SELinux;

namespace NativeKubelet.Tests.Unit.Core.Containers.SELinux;

public sealed class ContainerLabelsTests
{
    private const string Level = "s0:c1,c2";
    private static readonly SELinuxContexts Node = SELinuxContexts.BuiltIn(hasLevels: true);

    [Fact]
    public void Who_asks_for_nothing_gets_the_nodes_label_at_the_pods_level() =>
        Assert.Equal(new ContainerLabels("system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"), Of(null, null));

    [Fact]
    public void Files_follow_in_user_and_level_and_not_in_role_and_type() =>
        Assert.Equal(
            new ContainerLabels("a_u:b_r:c_t:s0:c9", "a_u:object_r:container_file_t:s0:c9"),
            Of(new() { User = "a_u", Role = "b_r", Type = "c_t", Level = "s0:c9" }, null));

    [Fact]
    public void The_containers_options_take_the_place_of_all_of_the_pods_and_its_level_stays_the_pods() =>
        Assert.Equal("system_u:system_r:own_t:s0:c1,c2", Of(new() { Role = "pod_r", Type = "pod_t" }, new() { Type = "own_t" }).Process);

    [Fact]
    public void Empty_options_of_a_container_leave_the_pods() =>
        Assert.Equal("system_u:system_r:pod_t:s0:c1,c2", Of(new() { Type = "pod_t" }, new() { Type = "" }).Process);

    [Fact]
    public void A_privileged_container_is_not_confined_and_its_files_are_the_pods()
    {
        ContainerLabels labels = Of(new() { Type = "pod_t" }, null, privileged: true);

        Assert.Null(labels.Process);
        Assert.Equal("system_u:object_r:container_file_t:s0:c1,c2", labels.File);
    }

    [Fact]
    public void A_container_that_sees_the_hosts_processes_or_messages_is_confined_where_it_asks_for_it()
    {
        foreach (V1PodSpec spec in (V1PodSpec[])[new() { HostPID = true }, new() { HostIPC = true }])
        {
            V1Container container = new() { Name = "c" };
            Assert.Null(ContainerLabels.Of(new() { Spec = spec }, container, Node, Level).Process);

            container.SecurityContext = new() { SeLinuxOptions = new() { Type = "own_t" } };
            Assert.Equal("system_u:system_r:own_t:s0:c1,c2", ContainerLabels.Of(new() { Spec = spec }, container, Node, Level).Process);
        }
    }

    [Fact]
    public void In_a_policy_without_levels_there_is_one_only_where_it_is_asked_for()
    {
        SELinuxContexts node = SELinuxContexts.BuiltIn(hasLevels: false);

        Assert.Equal("system_u:system_r:container_t", Of(null, null, node: node).Process);
        Assert.Equal("system_u:object_r:container_file_t", Of(null, null, node: node).File);
        Assert.Equal("system_u:system_r:container_t:s0:c9", Of(null, new() { Level = "s0:c9" }, node: node).Process);
    }

    [Theory]
    [InlineData("user", "a b")]
    [InlineData("role", "a:b")]
    [InlineData("type", "spc_t:s0")]
    [InlineData("level", "s0\",lowerdir=\"/")]
    public void What_no_label_can_have_is_refused_with_its_field(string part, string value)
    {
        V1SELinuxOptions options = part switch { "user" => new() { User = value }, "role" => new() { Role = value }, "type" => new() { Type = value }, _ => new() { Level = value } };

        ContainerConfigException refusal = Assert.Throws<ContainerConfigException>(() => Of(null, options));

        Assert.Equal($"securityContext.seLinuxOptions of container c: {part} \"{value}\" is nothing that a label can have", refusal.Message);
    }

    private static ContainerLabels Of(V1SELinuxOptions? shared, V1SELinuxOptions? own, bool privileged = false, SELinuxContexts? node = null)
    {
        V1Container container = new() { Name = "c", SecurityContext = new() { SeLinuxOptions = own, Privileged = privileged } };
        return ContainerLabels.Of(new() { Spec = new() { SecurityContext = new() { SeLinuxOptions = shared }, Containers = [container] } }, container, node ?? Node, Level);
    }
}
