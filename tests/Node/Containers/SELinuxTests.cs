using k8s.Models;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.SELinux;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Machines;

namespace NativeKubelet.Tests.Node.Containers;

/// <summary>Labels of SELinux, as the kernel tells them: tools/vm boots a machine that has a policy.</summary>
public sealed class SELinuxTests
{
    private const string OfFiles = "system_u:object_r:container_file_t:";

    [Fact]
    public async Task Containers_of_a_pod_share_a_level_that_no_other_pod_has_also_after_a_restart()
    {
        await using RuntimeHost host = await StartAsync();
        (V1Pod web, SandboxState sandbox, ContainerState first) = await host.RunAsync("exec sleep 1000");
        (_, _, ContainerState other) = await host.RunAsync("exec sleep 1000");
        string level = Level(first);

        await host.RestartAgentAsync();
        ContainerState second = await host.StartAsync(host.Runtime.Sandboxes.Single(s => s.Id == sandbox.Id), Second(host, web));
        (_, _, ContainerState later) = await host.RunAsync("exec sleep 1000");

        Assert.Matches("^s0:c[0-9]+,c[0-9]+$", level);
        Assert.StartsWith("system_u:system_r:container_t:s0:", Label(first), StringComparison.Ordinal);
        Assert.Equal(level, Level(second));
        Assert.Equal(3, ((string[])[level, Level(other), Level(later)]).Distinct().Count());
        Assert.StartsWith(level + "\n", File.ReadAllText(Path.Combine(host.Paths.PodDirectory(web.Metadata.Uid), "selinux-levels")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_that_a_container_finds_is_labelled_for_it_but_what_is_the_hosts()
    {
        await using RuntimeHost host = await StartAsync();
        string own = MakeDirectory(host, "own"), hosts = MakeDirectory(host, "hosts");
        string before = LabelOf(hosts);
        V1Pod pod = host.Pod("touch /made /own/made; exec sleep 1000", p => p.Spec.SecurityContext = new() { SeLinuxOptions = new() { Level = "s0:c4,c3" } });
        SandboxState sandbox = await host.SandboxAsync(pod);

        ContainerState container = await host.StartAsync(
            sandbox, pod, 0, new ResolvedMount(own, "/own", ReadOnly: false, "None") { TakesLabel = true }, new ResolvedMount(hosts, "/hosts", ReadOnly: false, "None"));
        string root = $"/proc/{container.Pid}/root";
        Assert.True(await TimeLimit.AgainAsync(() => Task.FromResult(File.Exists(Path.Combine(own, "made")))));

        foreach (string place in (string[])["/", "/bin/busybox", "/made", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/dev", "/dev/shm", "/dev/termination-log", "/own", "/own/a/f", "/own/a/link"])
            Assert.Equal($"{place} {OfFiles}s0:c3,c4", $"{place} {LabelOf(root + place)}");
        Assert.Equal(before, LabelOf(root + "/hosts"));
        Assert.Equal(before, LabelOf(Path.Combine(hosts, "a/f")));
    }

    [Fact]
    public async Task A_type_is_obeyed_and_a_privileged_container_runs_as_what_started_it()
    {
        await using RuntimeHost host = await StartAsync();
        string? type = ((string[])["container_other_t", "spc_t"]).FirstOrDefault(t => LoadedPolicy.Canonical($"system_u:system_r:{t}:s0") is not null);
        Assert.SkipWhen(type is null, "needs a second type of processes in the policy");

        (_, _, ContainerState typed) = await host.RunAsync("exec sleep 1000", p => p.Spec.Containers[0].SecurityContext = new() { SeLinuxOptions = new() { Type = type } });
        (_, _, ContainerState privileged) = await host.RunAsync("exec sleep 1000", p => p.Spec.Containers[0].SecurityContext = new() { Privileged = true, SeLinuxOptions = new() { Type = type } });

        Assert.StartsWith($"system_u:system_r:{type}:s0:c", Label(typed), StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText("/proc/self/attr/current").TrimEnd('\0', '\n'), Label(privileged));
        Assert.StartsWith(OfFiles + "s0:c", LabelOf($"/proc/{privileged.Pid}/root/bin"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Users_of_its_own_change_nothing_about_a_pods_labels()
    {
        await using RuntimeHost host = await StartAsync();
        host.LetOthersPass();
        V1Pod pod = host.Pod("touch /made; exec sleep 1000", p => (p.Spec.HostNetwork, p.Spec.HostUsers, p.Spec.SecurityContext) = (false, false, new() { SeLinuxOptions = new() { Level = "s0:c6,c7" } }));

        ContainerState container = await host.StartAsync(await host.SandboxAsync(pod), pod);

        Assert.Equal("system_u:system_r:container_t:s0:c6,c7", Label(container));
        foreach (string place in (string[])["/", "/bin/busybox", "/etc/hosts", "/dev", "/dev/pts", "/dev/shm"])
            Assert.Equal($"{place} {OfFiles}s0:c6,c7", $"{place} {LabelOf($"/proc/{container.Pid}/root{place}")}");
    }

    [Fact]
    public async Task A_label_that_the_policy_does_not_know_keeps_the_container_from_starting()
    {
        await using RuntimeHost host = await StartAsync();

        RuntimeException refusal = await Assert.ThrowsAsync<RuntimeException>(() =>
            host.RunAsync("true", p => p.Spec.SecurityContext = new() { SeLinuxOptions = new() { User = "nobody_u", Level = "s0:c1" } }));

        Assert.Equal("CreateContainerConfigError", refusal.Reason);
        Assert.StartsWith("spec.securityContext.seLinuxOptions: the SELinux policy of this machine has no context nobody_u:system_r:container_t:s0:c1;", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(host.Runtime.Sandboxes.SelectMany(s => s.Containers));
    }

    private static async Task<RuntimeHost> StartAsync()
    {
        Assert.SkipWhen(MachineReader.Read().Features.SELinux is null, "needs SELinux with a policy: NK_VM_SELINUX=permissive tools/vm/node-tests");
        return await RuntimeHost.StartAsync();
    }

    private static V1Pod Second(RuntimeHost host, V1Pod pod) => host.Pod("exec sleep 1000", p =>
    {
        p.Metadata.Uid = pod.Metadata.Uid;
        p.Spec.Containers[0].Name = "second";
    });

    private static string MakeDirectory(RuntimeHost host, string name)
    {
        string directory = Path.Combine(host.Paths.Root, name);
        Directory.CreateDirectory(Path.Combine(directory, "a"));
        File.WriteAllText(Path.Combine(directory, "a/f"), "");
        File.CreateSymbolicLink(Path.Combine(directory, "a/link"), "/etc/passwd");
        return directory;
    }

    private static string Label(ContainerState container) => File.ReadAllText($"/proc/{container.Pid}/attr/current").TrimEnd('\0', '\n');

    private static string Level(ContainerState container) => string.Join(':', Label(container).Split(':')[3..]);

    private static string LabelOf(string path)
    {
        if (Directory.Exists(path) && !new FileInfo(path).Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            using DirectoryHandle directory = DirectoryHandle.Open(path);
            return FileLabels.Of(directory, ".") ?? "";
        }
        using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(path)!);
        return FileLabels.Of(parent, Path.GetFileName(path)) ?? "";
    }
}
