using k8s.Models;
using NativeKubelet.Core.Containers.SELinux;

namespace NativeKubelet.Tests.Unit.Core.Containers.SELinux;

public sealed class SELinuxDemandTests
{
    private static readonly V1SELinuxOptions Level = new() { Level = "s0:c1" };

    [Fact]
    public void A_containers_own_label_is_told_before_the_pods()
    {
        V1Pod pod = Pod(new() { SeLinuxOptions = Level }, new() { SeLinuxOptions = new() { Type = "spc_t" } });

        Assert.Equal("securityContext.seLinuxOptions of container c", SELinuxDemand.Of(pod, pod.Spec.Containers[0]));
        Assert.Equal("spec.securityContext.seLinuxOptions", SELinuxDemand.Of(pod));
    }

    [Fact]
    public void The_pods_label_is_every_containers()
    {
        V1Pod pod = Pod(new() { SeLinuxOptions = Level }, null);

        Assert.Equal("spec.securityContext.seLinuxOptions", SELinuxDemand.Of(pod, pod.Spec.Containers[0]));
    }

    [Fact]
    public void Empty_options_ask_for_nothing()
    {
        V1Pod pod = Pod(new() { SeLinuxOptions = new() }, new() { SeLinuxOptions = new() { Level = "" } });

        Assert.Null(SELinuxDemand.Of(pod, pod.Spec.Containers[0]));
        Assert.Null(SELinuxDemand.Of(pod));
        Assert.Null(SELinuxDemand.Of(Pod(null, null)));
    }

    [Fact]
    public void The_pod_is_told_by_the_first_container_that_asks() =>
        Assert.Equal("securityContext.seLinuxOptions of container c", SELinuxDemand.Of(Pod(null, new() { SeLinuxOptions = Level })));

    private static V1Pod Pod(V1PodSecurityContext? shared, V1SecurityContext? own) =>
        new() { Spec = new() { SecurityContext = shared, Containers = [new() { Name = "c", SecurityContext = own }] } };
}
