using NativeKubelet.Composition;
using NativeKubelet.Config;

namespace NativeKubelet.Tests.Unit.App.Composition;

public sealed class NodeBannerTests
{
    [Fact]
    public void The_effective_configuration_is_one_line_with_the_defaults_in_it() => Assert.Equal(
        "{CgroupsPerQOS:true CgroupRoot:/ CgroupDriver:cgroupfs KubeletRootDir:/var/lib/kubelet ProtectKernelDefaults:false KubeReserved:[cpu=100m] SystemReserved:[] ReservedSystemCPUs: "
            + "EnforceNodeAllocatable:[pods] HardEvictionThresholds:[imagefs.available<15% imagefs.inodesFree<5% memory.available<100Mi nodefs.available<10% nodefs.inodesFree<5%] "
            + "CPUManagerPolicy:none MemoryManagerPolicy:None TopologyManagerPolicy:none PodPidsLimit:-1 CPUCFSQuota:true CPUCFSQuotaPeriod:100ms}",
        NodeBanner.Effective(OptionsResolver.Resolve(FlagParser.Parse(["--kube-reserved=cpu=100m"]))));

    [Fact]
    public void Without_systemd_its_driver_becomes_the_other_and_that_is_said()
    {
        KubeletOptions asked = OptionsResolver.Resolve(FlagParser.Parse(["--cgroup-driver=systemd"]));

        Assert.Same(asked, DriverChoice.Possible(asked, systemdRuns: true));
        KubeletOptions possible = DriverChoice.Possible(asked, systemdRuns: false);
        Assert.Equal((CgroupDriver.Cgroupfs, "cgroupfs"), (possible.Cgroups.Driver, possible.Configuration.CgroupDriver));
        Assert.Contains("systemd does not run on this machine", Assert.Single(possible.Warnings.Except(asked.Warnings)), StringComparison.Ordinal);
    }
}
