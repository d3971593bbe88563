using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Containers;

public sealed class RuntimeHandlerTests
{
    [Fact]
    public async Task A_pod_runs_by_the_runtime_that_its_class_names_and_annotations_do_not_reach_it()
    {
        string wrapper = Path.Combine(Directory.CreateTempSubdirectory("nk-handler-").FullName, "other");
        File.WriteAllText(wrapper, $"#!/bin/sh\necho \"$*\" >> {wrapper}.log\nexec /usr/sbin/runc \"$@\"\n");
        File.SetUnixFileMode(wrapper, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await using RuntimeHost host = await RuntimeHost.StartAsync(h => h.Handlers["other"] = wrapper);

        (_, SandboxState sandbox, ContainerState container) = await host.RunAsync("exec sleep 1000", p =>
        {
            p.Spec.RuntimeClassName = "other";
            p.Metadata.Annotations = new Dictionary<string, string> { ["run.oci.handler"] = "krun", ["io.katacontainers.config.hypervisor.path"] = "/tmp/evil" };
        });
        ExecSession exec = await host.Runtime.ExecAsync(new(container.Id, ["true"], false, null, null, null), RuntimeHost.Deadline());

        Assert.Equal(0, await exec.Exit.WaitAsync(RuntimeHost.Deadline()));
        Assert.Equal(["run", "exec"], File.ReadLines(wrapper + ".log").Select(l => l.Split(' ').First(w => w is "run" or "exec")));
        Assert.DoesNotContain("annotations", File.ReadAllText(Path.Combine(host.Paths.Run, "containers", container.Id, "config.json")), StringComparison.Ordinal);
        await host.Runtime.StopContainerAsync(container.Id, TimeSpan.Zero, RuntimeHost.Deadline());
        Assert.Equal(137, host.Find(container.Id).ExitCode);
        Assert.Equal(sandbox.Id, host.Runtime.Sandboxes.Single().Id);
        Directory.Delete(Path.GetDirectoryName(wrapper)!, recursive: true);
    }

    [Fact]
    public async Task A_handler_that_the_node_does_not_know_gives_no_sandbox()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();

        RuntimeException failure = await Assert.ThrowsAsync<RuntimeException>(() => host.RunAsync("true", p => p.Spec.RuntimeClassName = "none"));

        Assert.Equal("FailedCreatePodSandBox", failure.Reason);
        Assert.Contains("runtime handler \"none\" is not known to this node", failure.Message, StringComparison.Ordinal);
        Assert.Empty(host.Runtime.Sandboxes);
    }

    [Fact]
    public async Task Crun_runs_pods_beside_runc()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/crun"), "needs crun");
        ToolResult probe = await ToolRun.RunAsync(new SpawnRequest("/usr/bin/crun", ["crun", "--version"]), default, 4096, TimeSpan.FromSeconds(20), default);
        Assert.SkipUnless(probe.Exit.Success && !MixedHierarchies(), "crun refuses machines with version 1 controllers beside a version 2 mount");
        await using RuntimeHost host = await RuntimeHost.StartAsync(h => h.Handlers["crun"] = "/usr/bin/crun");

        (_, _, ContainerState container) = await host.RunAsync("echo from crun; exit 4", p => p.Spec.RuntimeClassName = "crun");
        ContainerState ended = await host.EndedAsync(container.Id);

        Assert.Equal((4, "from crun"), (ended.ExitCode, RuntimeHost.Log(ended).Single()));
    }

    private static bool MixedHierarchies()
    {
        string mounts = File.ReadAllText("/proc/self/mountinfo");
        return mounts.Contains(" - cgroup ", StringComparison.Ordinal) && mounts.Contains(" - cgroup2 ", StringComparison.Ordinal);
    }
}
