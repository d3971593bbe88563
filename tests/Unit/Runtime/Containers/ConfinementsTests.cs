using k8s.Models;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.Seccomp;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Tests.Unit.Runtime.Containers;

public sealed class ConfinementsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_label_that_would_be_missing_keeps_a_container_from_starting_where_labels_decide(bool selinux)
    {
        V1Container container = new() { Name = "c", SecurityContext = new() { SeLinuxOptions = new() { Level = "s0:c1" } } };
        V1Pod pod = new() { Metadata = new(), Spec = new() { Containers = [container] } };
        Confinements confinements = new(new SecuritySettings(false, "/nowhere", HasSeccomp: true, HasAppArmor: false, new SeccompMachine("x86_64", 6, 0)) { HasSELinux = selinux });

        Exception? thrown = Record.Exception(() => confinements.Of(pod, container, []));

        if (selinux) Assert.StartsWith("securityContext.seLinuxOptions of container c: SELinux is enabled", Assert.IsType<ContainerConfigException>(thrown).Message, StringComparison.Ordinal);
        else Assert.Null(thrown);
    }
}
