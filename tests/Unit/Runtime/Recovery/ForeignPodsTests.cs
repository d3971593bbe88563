using System.Collections.Immutable;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Recovery;
using NativeKubelet.Runtime.Sandboxes;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.Runtime.Recovery;

public sealed class ForeignPodsTests : IDisposable
{
    private const int NoProcess = 4_194_305;      // above the highest pid_max

    private readonly TemporaryDirectory _directory = new();
    private readonly CgroupTree _tree = new(CgroupDriver.Cgroupfs, CgroupName.Root);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("kubepods/besteffort/pod111/container")]
    [InlineData("kubepods/pod111")]
    [InlineData("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod111.slice/cri-containerd-abc.scope")]
    public void A_pod_that_runs_and_that_no_record_knows_is_foreign_whichever_driver_made_it(string group)
    {
        Group(group, Environment.ProcessId);

        ForeignPod pod = Assert.Single(Find());

        Assert.Equal("111", pod.Uid);
        Assert.Equal(Environment.ProcessId, Assert.Single(pod.Processes).Pid);
    }

    [Fact]
    public void A_pod_of_which_there_is_a_record_is_our_own()
    {
        Group("kubepods/besteffort/pod111/container", Environment.ProcessId);
        string id = new('a', 64);
        Directory.CreateDirectory(_directory[$"run/sandboxes/{id}"]);
        SandboxRecord record = new(SandboxRecord.CurrentVersion, id, "111", "web", "default", 0, "boot", "web", "/kubepods/besteffort/pod111", "host", false, false, false, 1, 1, true, [], DateTimeOffset.UnixEpoch);
        File.WriteAllBytes(_directory[$"run/sandboxes/{id}/record.json"], record.ToJson());

        Assert.Empty(Find());
    }

    [Fact]
    public void Groups_without_a_living_process_are_nobodys()
    {
        Group("kubepods/pod111/container");
        Group("kubepods/pod222/container", NoProcess);
        Group("other/pod333/container", Environment.ProcessId);

        Assert.Empty(Find());
    }

    [Fact]
    public void Where_pods_have_no_groups_of_their_own_nothing_can_be_told()
    {
        Group("pod111/container", Environment.ProcessId);

        Assert.Empty(ForeignPods.Find(_tree with { PerQos = false }, Groups(), Paths()));
    }

    private ImmutableArray<ForeignPod> Find() => ForeignPods.Find(_tree, Groups(), Paths());

    private CgroupFs Groups() => new(new CgroupLayout(CgroupMode.Unified, [new(_directory["cgroup"], Unified: true, [])]), TimeProvider.System);

    private RuntimePaths Paths() => new(_directory["root"], _directory["data"], _directory["run"], _directory["logs"], _directory["links"]);

    private void Group(string path, params int[] processes)
    {
        string directory = _directory["cgroup/" + path];
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "cgroup.procs"), string.Join('\n', processes));
    }
}
