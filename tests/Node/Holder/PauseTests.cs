using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Tests.Node.Holder;

public sealed class PauseTests
{
    private const PauseNamespaces Usual = PauseNamespaces.Network | PauseNamespaces.Ipc | PauseNamespaces.Uts;

    [Fact]
    public async Task Pause_keeps_the_namespaces_asked_for_and_shares_the_others()
    {
        await using HolderHost host = await HolderHost.StartAsync();

        int pause = await host.PauseAsync(Usual, new KeyValuePair<string, string>("net.ipv4.ip_default_ttl", "33"));

        Assert.All((string[])["net", "ipc", "uts", "mnt"], ns => Assert.NotEqual(Namespace("self", ns), Namespace($"{pause}", ns)));
        Assert.All((string[])["pid", "user"], ns => Assert.Equal(Namespace("self", ns), Namespace($"{pause}", ns)));
        ToolResult inside = await ToolRun.RunAsync(
            new SpawnRequest("/usr/bin/nsenter", ["nsenter", "-t", $"{pause}", "-n", "-u", "sh", "-c", "cat /proc/sys/net/ipv4/ip_default_ttl; hostname"])
            { Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] }, default, 4096, TimeLimit.Of(20), default);
        Assert.Equal("33\nnk-test-host\n", System.Text.Encoding.UTF8.GetString(inside.Output));
    }

    [Fact]
    public async Task A_sysctl_that_cannot_be_set_is_named_and_no_pause_is_left()
    {
        await using HolderHost host = await HolderHost.StartAsync();

        HolderException e = await Assert.ThrowsAsync<HolderException>(
            () => host.PauseAsync(Usual, new KeyValuePair<string, string>("net.ipv4.no_such_thing", "1")));

        Assert.Contains("net/ipv4/no_such_thing", e.Message, StringComparison.Ordinal);
        Assert.True(await host.PauseAsync(Usual) > 1);
    }

    [Fact]
    public async Task Pause_has_no_rights_no_fds_no_environment_and_a_filter()
    {
        await using HolderHost host = await HolderHost.StartAsync();

        int pause = await host.PauseAsync(Usual);

        Dictionary<string, string> status = File.ReadLines($"/proc/{pause}/status").Select(l => l.Split(':', 2)).ToDictionary(p => p[0], p => p[1].Trim());
        Assert.All((string[])["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"], cap => Assert.Equal("0000000000000000", status[cap]));
        Assert.Equal(("1", "2", "nk-pause"), (status["NoNewPrivs"], status["Seccomp"], status["Name"]));
        Assert.Empty(Directory.GetFileSystemEntries($"/proc/{pause}/fd"));
        Assert.Empty(File.ReadAllBytes($"/proc/{pause}/environ"));
        Assert.Empty(Directory.GetFileSystemEntries($"/proc/{pause}/root/"));
        Assert.StartsWith("nk-pause\0", File.ReadAllText($"/proc/{pause}/cmdline"));
        Assert.Empty(File.ReadAllBytes($"/proc/{host.Holder.Process.Pid}/environ"));
    }

    [Fact]
    public async Task A_container_that_shares_the_pid_namespace_learns_nothing_from_pid_1()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        int pause = await host.PauseAsync(Usual | PauseNamespaces.Pid);
        const string attack = """
            for f in root/.. root/etc root/proc cwd fd; do ls /proc/1/$f/ 2>/dev/null; done
            cat /proc/1/environ 2>/dev/null
            readlink /proc/1/exe; readlink /proc/1/cwd; readlink /proc/1/root
            kill -KILL 1; kill -TERM 1
            echo done
            """;

        await host.RunAsync("c1", attack, joinPidOf: pause);
        await host.NextAsync<ContainerExited>();

        string[] lines = await File.ReadAllLinesAsync(host.LogOf("c1"));
        Assert.Equal(["done"], lines.Where(l => l.Contains(" stdout ", StringComparison.Ordinal)).Select(l => l[40..]));
        Assert.True(Directory.Exists($"/proc/{pause}"));
    }

    [Fact]
    public async Task Pause_as_pid_1_leaves_no_zombies()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        int pause = await host.PauseAsync(Usual | PauseNamespaces.Pid);

        await host.RunAsync("c1", "for i in $(seq 20); do (sleep 0.05 & ) ; done; sleep 0.4; cat /proc/[0-9]*/stat", joinPidOf: pause);
        await host.NextAsync<ContainerExited>();

        Assert.DoesNotContain(") Z ", await File.ReadAllTextAsync(host.LogOf("c1")));
    }

    [Theory]
    [InlineData(Usual)]
    [InlineData(Usual | PauseNamespaces.Pid)]
    public async Task A_holder_that_dies_takes_its_pause_with_it(PauseNamespaces namespaces)
    {
        await using HolderHost host = await HolderHost.StartAsync();
        int pause = await host.PauseAsync(namespaces);
        using PidFd witness = PidFd.Open(pause);

        host.Holder.Process.TrySignal(9);

        await witness.WaitForExitAsync(HolderHost.Deadline());
        Assert.True((await host.NextAsync<HolderLost>()).HolderDied);
    }

    [Fact]
    public async Task A_user_namespace_owns_the_network_namespace_and_pause_still_dies_with_its_holder()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        int pause = await host.Holder.StartPauseAsync(
            new PauseRequest(Usual | PauseNamespaces.User, "nk", [new("net.ipv4.ip_unprivileged_port_start", "0")], "0 1000000 65536\n", "0 1000000 65536\n", []), HolderHost.Deadline());
        using PidFd witness = PidFd.Open(pause);

        Assert.Contains("1000000", File.ReadAllText($"/proc/{pause}/uid_map"));
        Assert.Contains(File.ReadLines($"/proc/{pause}/status"), l => l.StartsWith("Uid:\t1000000\t1000000", StringComparison.Ordinal));
        host.Holder.Process.TrySignal(9);
        await witness.WaitForExitAsync(HolderHost.Deadline());
    }

    [Fact]
    public async Task The_end_of_pause_is_told()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        int pause = await host.PauseAsync(Usual);
        using PidFd process = PidFd.Open(pause);

        process.TrySignal(9);

        Assert.Equal(137, (await host.NextAsync<PauseExited>()).Exit.Code);
    }

    [Fact]
    public async Task Quit_ends_both_but_not_while_a_container_runs()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        int pause = await host.PauseAsync(Usual);
        await host.RunAsync("c1", "sleep 1000");

        await Assert.ThrowsAsync<HolderException>(() => host.Holder.QuitAsync(force: false, HolderHost.Deadline()));
        await host.Holder.SignalAsync("c1", null, 9, HolderHost.Deadline());
        await host.NextAsync<ContainerExited>();
        await host.Holder.QuitAsync(force: false, HolderHost.Deadline());

        Assert.False(Directory.Exists($"/proc/{pause}"));
        Assert.Null(await HolderConnection.ConnectAsync(host.Socket, HolderHost.Deadline()));
    }

    [Fact]
    public async Task Holder_and_pause_live_in_the_groups_they_were_given()
    {
        await using HolderHost host = await HolderHost.StartAsync();
        CgroupLayout layout = CgroupLayout.Detect();
        string hierarchy = layout.For("pids")!.MountPoint, controllers = layout.Unified ? "" : "pids";
        string ofHolder = $"{host.CgroupRoot}/holder", ofPause = $"{host.CgroupRoot}/pause";
        foreach (string group in (string[])[ofHolder, ofPause]) Directory.CreateDirectory(hierarchy + group);

        await using HolderConnection holder = await host.SiblingAsync(1, $"{hierarchy}{ofHolder}/cgroup.procs");
        int pause = await holder.StartPauseAsync(new PauseRequest(Usual, "nk", [], null, null, [$"{hierarchy}{ofPause}/cgroup.procs"]), HolderHost.Deadline());

        Assert.Equal(ofHolder, ProcFs.Cgroups(holder.Process.Pid).Single(c => c.Controllers == controllers).Path);
        Assert.Equal(ofPause, ProcFs.Cgroups(pause).Single(c => c.Controllers == controllers).Path);
        await holder.QuitAsync(force: false, HolderHost.Deadline());
        IOException e = await Assert.ThrowsAsync<IOException>(() => host.SiblingAsync(2, "/no/such/cgroup.procs"));
        Assert.Contains("/no/such/cgroup.procs: No such file", e.Message, StringComparison.Ordinal);
    }

    private static string Namespace(string pid, string kind) => File.ResolveLinkTarget($"/proc/{pid}/ns/{kind}", false)!.Name;
}
