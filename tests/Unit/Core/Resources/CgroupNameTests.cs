using NativeKubelet.Core.Resources;

namespace NativeKubelet.Tests.Unit.Core.Resources;

public sealed class CgroupNameTests
{
    private const string Uid = "6d1c0c4e-0f3a-4c6e-9a52-0b8f5a7e1d11";

    [Fact]
    public void Both_drivers_name_the_pod_of_the_worked_example()
    {
        CgroupTree files = new(CgroupDriver.Cgroupfs, CgroupName.Root), units = files with { Driver = CgroupDriver.Systemd };
        CgroupName pod = files.Pod(Uid, QosClass.Burstable);

        Assert.Equal($"/kubepods/burstable/pod{Uid}", files.Path(pod));
        Assert.Equal("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6d1c0c4e_0f3a_4c6e_9a52_0b8f5a7e1d11.slice", units.Path(pod));
        Assert.Equal("kubepods-burstable-pod6d1c0c4e_0f3a_4c6e_9a52_0b8f5a7e1d11.slice:cri-containerd:c1", units.CgroupsPath(pod, "c1"));
        Assert.Equal($"/kubepods/burstable/pod{Uid}/c1", files.CgroupsPath(pod, "c1"));
    }

    [Fact]
    public void A_name_survives_the_way_to_either_form_and_back()
    {
        CgroupName name = CgroupName.Root.Child("a-b").Child("kubepods").Child("pod" + Uid);

        Assert.Equal(name, CgroupName.FromCgroupfs(name.ToCgroupfs()));
        Assert.Equal(name, CgroupName.FromSystemd(name.ToSystemd()));
        Assert.Equal(CgroupName.Root, CgroupName.FromSystemd("-.slice"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a_b")]
    [InlineData("a/b")]
    public void A_component_that_a_form_cannot_hold_is_refused(string component) =>
        Assert.Throws<FormatException>(() => CgroupName.Root.Child(component));

    [Theory]
    [InlineData(CgroupDriver.Cgroupfs, "pod" + Uid, Uid)]
    [InlineData(CgroupDriver.Cgroupfs, "burstable", null)]
    [InlineData(CgroupDriver.Systemd, "kubepods-burstable-pod6d1c0c4e_0f3a_4c6e_9a52_0b8f5a7e1d11.slice", Uid)]
    [InlineData(CgroupDriver.Systemd, "kubepods-burstable.slice", null)]
    public void A_directory_tells_which_pod_it_is_of(CgroupDriver driver, string directory, string? uid) =>
        Assert.Equal(uid, new CgroupTree(driver, CgroupName.Root).PodUid(directory));
}
