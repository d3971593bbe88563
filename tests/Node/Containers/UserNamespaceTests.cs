using k8s.Models;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Containers;

/// <summary>Pods with users of their own (hostUsers: false).</summary>
public sealed class UserNamespaceTests
{
    private const uint FirstId = 65536;

    [Fact]
    public async Task Root_in_the_pod_is_nobody_outside_and_its_files_keep_their_owners()
    {
        await using RuntimeHost host = await StartAsync();
        string volume = Directory.CreateDirectory(Path.Combine(host.Paths.Root, "volume")).FullName;
        File.WriteAllText(Path.Combine(volume, "of-web"), "");
        using (DirectoryHandle handle = DirectoryHandle.Open(volume)) handle.SetOwner("of-web", 1000, 2000);
        V1Pod pod = OwnUsers(host, """
            id -u; cat /proc/self/uid_map | tr -s ' '; stat -c '%u:%g' /etc/passwd /v /v/of-web /etc/hosts /etc/resolv.conf /dev/shm
            echo x > /v/made && echo x > /made && echo y >> /etc/hosts && echo x > /dev/shm/x && echo bye > /dev/termination-log
            chown 7:8 /v/made; touch /tmp/t; mkdir /tmp/d; stat -c '%u:%g' /tmp/t /tmp/d
            echo done; exec sleep 1000
            """);
        SandboxState sandbox = await host.SandboxAsync(pod);

        ContainerState container = await host.StartAsync(sandbox, pod, 0, new ResolvedMount(volume, "/v", ReadOnly: false, "None"));
        string[] log = await LogAsync(host, container, "done");

        Assert.Equal(["0", $" 0 {FirstId} 65536", "0:0", "0:0", "1000:2000", "0:0", "0:0", "0:0", "0:0", "0:0", "done"], log);
        Assert.Contains(File.ReadLines($"/proc/{container.Pid}/status"), l => l.StartsWith($"Uid:\t{FirstId}\t{FirstId}\t{FirstId}\t{FirstId}", StringComparison.Ordinal));
        using DirectoryHandle outside = DirectoryHandle.Open(volume);
        Assert.Equal((7u, 8u), (outside.TryStatus("made")!.Value.Uid, outside.TryStatus("made")!.Value.Gid));
        await host.RemoveAsync(pod);
        Assert.Empty(Directory.GetFileSystemEntries(host.Paths.UsersRun));
        Assert.Equal("x\n", File.ReadAllText(Path.Combine(volume, "made")));
    }

    [Fact]
    public async Task Rights_over_the_pods_own_namespaces_are_none_over_the_hosts()
    {
        await using RuntimeHost host = await StartAsync();
        const string attack = """
            mount -t tmpfs t /tmp && echo own mount
            hostname other && echo own name
            echo 1 > /proc/sys/kernel/panic && echo wrote panic
            echo x > /proc/sys/kernel/core_pattern && echo wrote pattern
            mknod /tmp/sda b 8 0 && echo made a device
            mount -t sysfs -o rw s /sys && echo x > /sys/kernel/uevent_helper && echo wrote helper
            chown 70000 /tmp && echo other ids
            for f in kcore sched_debug; do head -c 1 /proc/$f | grep -q . && echo read $f; done
            echo done
            """;

        string[] log = await RunAsync(host, attack, p => p.Spec.Containers[0].SecurityContext = new() { Capabilities = new() { Add = ["ALL"] }, ProcMount = "Unmasked" });

        Assert.Equal(["own mount", "own name", "done"], log.Where(l => !l.Contains(':', StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Read_only_mounts_files_and_a_read_only_root_work_as_for_other_pods()
    {
        await using RuntimeHost host = await StartAsync();
        string file = Path.Combine(Directory.CreateDirectory(Path.Combine(host.Paths.Root, "v")).FullName, "f");
        File.WriteAllText(file, "content\n");
        V1Pod pod = OwnUsers(host, "cat /f; (echo x > /f) 2>/dev/null || echo kept; (touch /x) 2>/dev/null || echo root kept", p => p.Spec.Containers[0].SecurityContext = new() { ReadOnlyRootFilesystem = true, RunAsUser = 0 });
        SandboxState sandbox = await host.SandboxAsync(pod);

        ContainerState container = await host.StartAsync(sandbox, pod, 0, new ResolvedMount(file, "/f", ReadOnly: true, "None"));

        Assert.Equal(["content", "kept", "root kept"], RuntimeHost.Log(await host.EndedAsync(container.Id)));
    }

    [Fact]
    public async Task Each_pod_has_ids_of_its_own_and_keeps_them_over_an_agents_restart()
    {
        await using RuntimeHost host = await StartAsync();
        V1Pod first = OwnUsers(host, "exec sleep 1000"), second = OwnUsers(host, "exec sleep 1000");
        SandboxState one = await host.SandboxAsync(first), two = await host.SandboxAsync(second);
        ContainerState a = await host.StartAsync(one, first), b = await host.StartAsync(two, second);

        Assert.Equal([FirstId, 2 * FirstId], new[] { a, b }.Select(OwnerOf).Order());
        await host.RestartAgentAsync();
        await host.Runtime.StopContainerAsync(a.Id, TimeSpan.Zero, RuntimeHost.Deadline());
        Assert.Equal(OwnerOf(b), OwnerOf(host.Find(b.Id)));
        uint kept = OwnerOf(await host.StartAsync(one, first, restart: 1));
        Assert.NotEqual(OwnerOf(b), kept);
        Assert.True(File.Exists(Path.Combine(host.Paths.PodDirectory(first.Metadata.Uid), "userns")));
    }

    [Fact]
    public async Task Ids_that_the_pod_does_not_have_are_refused()
    {
        await using RuntimeHost host = await StartAsync();

        RuntimeException failure = await Assert.ThrowsAsync<RuntimeException>(
            () => RunAsync(host, "true", p => p.Spec.Containers[0].SecurityContext = new() { RunAsUser = 65536 }));

        Assert.Equal("CreateContainerConfigError", failure.Reason);
        Assert.Empty(Directory.GetFileSystemEntries(host.Paths.UsersRun));
    }

    [Fact]
    public async Task An_exec_is_of_the_pods_users_too()
    {
        await using RuntimeHost host = await StartAsync();
        V1Pod pod = OwnUsers(host, "exec sleep 1000");
        SandboxState sandbox = await host.SandboxAsync(pod);
        ContainerState container = await host.StartAsync(sandbox, pod);

        ExecSession session = await host.Runtime.ExecAsync(
            new(container.Id, ["/bin/sh", "-c", "[ $(id -u) = 0 ] && grep -q ' 65536 ' /proc/self/uid_map && exit 7"], false, null, null, null), RuntimeHost.Deadline());

        Assert.Equal(7, await session.Exit.WaitAsync(RuntimeHost.Deadline()));
    }

    private static async Task<RuntimeHost> StartAsync()
    {
        RuntimeHost host = await RuntimeHost.StartAsync();
        host.LetOthersPass();
        return host;
    }

    private static V1Pod OwnUsers(RuntimeHost host, string script, Action<V1Pod>? change = null) => host.Pod(script, p =>
    {
        (p.Spec.HostUsers, p.Spec.HostNetwork) = (false, false);
        change?.Invoke(p);
    });

    private static async Task<string[]> RunAsync(RuntimeHost host, string script, Action<V1Pod> change)
    {
        V1Pod pod = OwnUsers(host, script, change);
        SandboxState sandbox = await host.SandboxAsync(pod);
        return RuntimeHost.Log(await host.EndedAsync((await host.StartAsync(sandbox, pod)).Id));
    }

    private static async Task<string[]> LogAsync(RuntimeHost host, ContainerState container, string last)
    {
        for (CancellationToken deadline = RuntimeHost.Deadline(); ; await Task.Delay(5))
        {
            if (File.Exists(container.LogPath) && RuntimeHost.Log(container) is { Length: > 0 } log && (log[^1] == last || host.Find(container.Id).Phase == ContainerPhase.Exited)) return log;
            deadline.ThrowIfCancellationRequested();
        }
    }

    private static uint OwnerOf(ContainerState container) =>
        uint.Parse(File.ReadLines($"/proc/{container.Pid}/status").Single(l => l.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1]);
}
