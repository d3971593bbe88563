using System.Diagnostics;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Tests.Unit.Runtime.Containers;

/// <summary>An ephemeral container sees its target's processes, and no others, whatever the target's number has become.</summary>
public sealed class TargetProcessesTests
{
    private static readonly string Id = new('a', 64);

    [Fact]
    public void A_number_that_is_another_process_by_now_opens_nothing()
    {
        // Of this test: it runs, and its group is not named after the container.
        RuntimeException refused = Assert.Throws<RuntimeException>(() => TargetProcesses.Open(Sandbox(Environment.ProcessId), Start(Id)));

        Assert.Equal(("CreateContainerError", $"invalid target container: container \"{Id}\" is not running"), (refused.Reason, refused.Message));
    }

    [Fact]
    public void A_number_that_is_no_process_any_more_opens_nothing()
    {
        using Process ended = Process.Start("/bin/true");
        ended.WaitForExit();

        Assert.Equal("CreateContainerError", Assert.Throws<RuntimeException>(() => TargetProcesses.Open(Sandbox(ended.Id), Start(Id))).Reason);
    }

    [Fact]
    public void A_target_that_has_ended_or_lives_in_another_sandbox_opens_nothing()
    {
        Assert.Throws<RuntimeException>(() => TargetProcesses.Open(Sandbox(0, ContainerPhase.Exited), Start(Id)));
        Assert.Throws<RuntimeException>(() => TargetProcesses.Open(Sandbox(Environment.ProcessId), Start(new string('b', 64))));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Where_processes_are_shared_anyway_there_is_nothing_to_join(bool share, bool host) =>
        Assert.Null(TargetProcesses.Open(Sandbox(0, ContainerPhase.Exited, share, host), Start(Id)));

    [Fact]
    public void What_was_opened_stays_the_namespace_that_it_was()
    {
        using PidNamespace own = PidNamespace.OpenOf(Environment.ProcessId);

        Assert.Equal(new FileInfo("/proc/self/ns/pid").LinkTarget, new FileInfo(own.Path).LinkTarget);
    }

    private static Sandbox Sandbox(int pid, ContainerPhase phase = ContainerPhase.Running, bool share = false, bool host = false)
    {
        SandboxRecord box = new(SandboxRecord.CurrentVersion, "s", "u", "web", "default", 0, "boot", "web", "/pods", "pod", false, host, share, 1, 2, true, [], default);
        ContainerRecord target = new(
            ContainerRecord.CurrentVersion, Id, "s", "u", "web", "default", 0, "main", 0, 0, "00000000", "image", "sha256:0", "boot", "/group", 15, "/log", "/words",
            "File", false, default, phase, pid, default, null, 0, "", "");
        return new(box, [target], () => { });
    }

    private static ContainerStart Start(string target) => new("s", null!, null!, 0, 0, "", null!, [], [], "", 0) { Ephemeral = true, TargetId = target };
}
