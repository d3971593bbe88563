using System.Collections.Immutable;
using System.Runtime.InteropServices;
using k8s.Models;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Containers;

/// <summary>What containers may do, tried from inside by programs that want more.</summary>
public sealed class ConfinementTests
{
    /// <summary>Asks the kernel by number and prints the errno of each: keyctl, mount, unshare, clone3, io_uring_setup, getpid.</summary>
    private const string Calls = """
        /usr/bin/perl -e 'for ([250, 0, -3, 0], [165, 0, 0, 0], [272, 0x10000000], [435, 0, 0], [425, 0, 0], [39]) { my ($call, @with) = @$_; $! = 0; syscall($call, @with); print "$call=", $! + 0, "\n" }'
        """;

    private static readonly ImmutableArray<ResolvedMount> HostPrograms =
        [.. ((string[])["/usr", "/lib", "/lib64"]).Where(Directory.Exists).Select(d => new ResolvedMount(d, d, ReadOnly: true, "None"))];

    [Fact]
    public async Task The_default_filter_denies_what_reaches_out_and_ordinary_programs_run()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64 && File.Exists("/usr/bin/perl"), "needs perl, and the call numbers of amd64");
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        const int permission = 1, notImplemented = 38;

        string[] held = await RunAsync(host, $"grep ^Seccomp: /proc/self/status; {Calls}", Filter("RuntimeDefault"), HostPrograms);
        string[] free = await RunAsync(host, $"grep ^Seccomp: /proc/self/status; {Calls}", Filter("Unconfined"), HostPrograms);

        Assert.Equal(["Seccomp:\t2", $"250={permission}", $"165={permission}", $"272={permission}", $"435={notImplemented}", $"425={permission}", "39=0"], held);
        Assert.Equal("Seccomp:\t0", free[0]);
        Assert.DoesNotContain($"272={permission}", free);
        Assert.Equal(["3"], await RunAsync(host, "seq 9 | sort -n | awk 'NR % 3 == 0' | wc -l; (sleep 0.01 & wait); mkdir -p /a/b; rm -r /a; ln -s x /y", Filter("RuntimeDefault")));
    }

    [Fact]
    public async Task A_profile_of_the_node_is_applied_and_a_missing_one_keeps_the_container_from_starting()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        string directory = Path.Combine(host.Paths.Root, "seccomp", "team");
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "no-mkdir.json"),
            """{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}]}""");
        File.WriteAllText(Path.Combine(directory, "broken.json"), "{");

        string[] log = await RunAsync(host, "mkdir /tmp/x; touch /tmp/y && echo made", Local("team/no-mkdir.json"));

        Assert.Equal(["made", "mkdir: can't create directory '/tmp/x': Read-only file system"], log.Order());
        foreach ((string name, string reason) in ((string, string)[])[("team/none.json", "CreateContainerError"), ("team/broken.json", "CreateContainerError"), ("../x", "CreateContainerConfigError"), ("", "CreateContainerConfigError")])
            Assert.Equal(reason, (await Assert.ThrowsAsync<RuntimeException>(() => host.RunAsync("true", Local(name)))).Reason);
    }

    [Fact]
    public async Task Capabilities_are_those_granted_and_none_is_inherited()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();

        string[] standard = await RunAsync(host, "grep -E '^(Cap|NoNewPrivs)' /proc/self/status", _ => { });
        string[] dropped = await RunAsync(host, "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; ping -c 1 127.0.0.1 >/dev/null 2>&1 || echo no ping", p => p.Spec.Containers[0].SecurityContext = new()
        {
            Capabilities = new() { Drop = ["ALL"], Add = ["NET_BIND_SERVICE"] },
            AllowPrivilegeEscalation = false,
        });

        const string none = "0000000000000000", usual = "00000000a80425fb", bind = "0000000000000400";
        Assert.Equal([$"CapInh:\t{none}", $"CapPrm:\t{usual}", $"CapEff:\t{usual}", $"CapBnd:\t{usual}", $"CapAmb:\t{none}", "NoNewPrivs:\t0"], standard);
        Assert.Equal([$"CapInh:\t{none}", $"CapPrm:\t{bind}", $"CapEff:\t{bind}", $"CapBnd:\t{bind}", $"CapAmb:\t{none}", "NoNewPrivs:\t1"], dropped[..6]);
    }

    [Fact]
    public async Task Control_groups_are_out_of_reach()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        const string attack = """
            for f in $(find /sys/fs/cgroup -maxdepth 2 -name release_agent -o -maxdepth 2 -name cgroup.procs -o -maxdepth 2 -name notify_on_release); do
              (echo /bin/evil > $f) 2>/dev/null && echo wrote $f
            done
            for d in $(awk '$3 ~ /^cgroup/ {print $2}' /proc/mounts); do mkdir $d/evil 2>/dev/null && echo made $d; mount -o remount,rw $d 2>/dev/null && echo remounted $d; done
            mkdir -p /tmp/c; for t in cgroup cgroup2; do mount -t $t none /tmp/c 2>/dev/null && echo mounted $t; done
            awk '$3 ~ /^cgroup/ {n++} END {print (n ? "done" : "none")}' /proc/mounts
            """;

        Assert.Equal(["done"], await RunAsync(host, attack, _ => { }));
        Assert.Equal(["done"], await RunAsync(host, attack, Filter("RuntimeDefault")));
    }

    [Fact]
    public async Task What_tells_of_the_host_is_hidden_and_its_settings_cannot_be_written()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        const string attack = """
            for f in kcore keys timer_list sched_debug interrupts; do [ -s /proc/$f ] && head -c 1 /proc/$f | grep -q . && echo read $f; done
            for d in acpi scsi asound; do [ -n "$(ls /proc/$d 2>/dev/null)" ] && echo listed $d; done
            [ -n "$(ls /sys/firmware /sys/devices/virtual/powercap 2>/dev/null | grep -v :)" ] && echo listed sys
            for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches /sys/kernel/uevent_helper /proc/irq/default_smp_affinity; do
              (echo x > $f) 2>/dev/null && echo wrote $f
            done
            mount -t proc p /tmp 2>/dev/null && echo mounted
            umount /proc/kcore 2>/dev/null && echo unmasked
            echo done
            """;

        Assert.Equal(["done"], await RunAsync(host, attack, _ => { }));
    }

    [Fact]
    public async Task A_program_has_no_fd_of_the_node_and_no_working_directory_leads_there()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();

        Assert.Equal(["0", "1", "2", "3"], await RunAsync(host, "exec ls /proc/self/fd", _ => { }));
        foreach (string directory in (string[])["/proc/self/fd/7", "/proc/self/cwd", "/x/../proc/1/root", "//proc//self"])
            Assert.Equal("CreateContainerConfigError", (await Assert.ThrowsAsync<RuntimeException>(() => host.RunAsync("true", p => p.Spec.Containers[0].WorkingDir = directory))).Reason);
    }

    [Fact]
    public async Task A_pod_of_the_hosts_network_finds_no_socket_of_ours_there()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();

        // The fields are: address, references, protocol, flags, type, state, inode, name; abstract names begin with @.
        string[] names = await RunAsync(host, "awk 'NR > 1 && $8 ~ /^@/ {print $8}' /proc/net/unix; ls -d " + host.Paths.Run + " 2>&1", _ => { });

        Assert.DoesNotContain(names, n => n.StartsWith('@') && (n.Contains("nk-", StringComparison.Ordinal) || n.Contains("nativekubelet", StringComparison.Ordinal)));
        Assert.Contains(names, n => n.Contains("No such file", StringComparison.Ordinal));
        foreach (string socket in Directory.EnumerateFiles(host.Paths.Run, "*.sock", SearchOption.AllDirectories))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(socket));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(host.Paths.Run));
    }

    [Fact]
    public async Task Groups_follow_the_policy_and_the_primary_one_is_always_there()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();

        Task<string[]> Ids(string? policy) => RunAsync(host, "grep -E '^(Uid|Gid|Groups):' /proc/self/status", p => p.Spec.SecurityContext = new()
        {
            RunAsUser = 1000,
            RunAsGroup = 4000,
            FsGroup = 5000,
            SupplementalGroups = [6000],
            SupplementalGroupsPolicy = policy,
        });

        Assert.Equal(["Uid:\t1000\t1000\t1000\t1000", "Gid:\t4000\t4000\t4000\t4000", "Groups:\t2000 4000 5000 6000 "], await Ids(null));
        Assert.Equal("Groups:\t4000 5000 6000 ", (await Ids("Strict"))[2]);
        Assert.Contains(
            host.Runtime.Sandboxes.SelectMany(s => s.Containers).Select(c => c.User), u => u is { Uid: 1000, Gid: 4000 } && u.Groups.SequenceEqual([4000u, 5000u, 6000u]));
    }

    [Fact]
    public async Task Kernel_parameters_are_set_in_the_pods_own_namespaces_and_low_ports_are_free_there()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        const string ports = "/proc/sys/net/ipv4/ip_local_port_range";
        string before = File.ReadAllText(ports);

        string[] log = await RunAsync(
            host, $"cat {ports} /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range", p =>
            {
                p.Spec.HostNetwork = false;
                p.Spec.SecurityContext = new() { Sysctls = [new() { Name = "net.ipv4.ip_local_port_range", Value = "4000 5000" }, new() { Name = "kernel/shm_rmid_forced", Value = "1" }] };
            });

        Assert.Equal(["4000\t5000", "1", "0", "0\t2147483647"], log);
        Assert.Equal(before, File.ReadAllText(ports));
    }

    [Fact]
    public async Task A_value_that_the_kernel_refuses_gives_no_sandbox_and_names_the_parameter()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();

        RuntimeException failure = await Assert.ThrowsAsync<RuntimeException>(() => host.RunAsync("true", p =>
        {
            p.Spec.HostNetwork = false;
            p.Spec.SecurityContext = new() { Sysctls = [new() { Name = "net.ipv4.ip_local_port_range", Value = "nonsense" }] };
        }));

        Assert.Contains("net/ipv4/ip_local_port_range", failure.Message, StringComparison.Ordinal);
        Assert.Empty(host.Runtime.Sandboxes);
    }

    [Fact]
    public async Task Two_containers_share_memory_and_messages_and_the_host_has_none_of_it()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        string name = "nk" + Guid.NewGuid().ToString("N");

        string[] log = await RunAsync(host, $"echo x > /dev/shm/{name} && df -k /dev/shm | awk 'NR == 2 {{print $2}}'; stat -c %a /dev/shm", _ => { });

        Assert.Equal(["65536", "1777"], log);
        Assert.False(File.Exists("/dev/shm/" + name));
    }

    private static Action<V1Pod> Filter(string type) => p => p.Spec.Containers[0].SecurityContext = new() { SeccompProfile = new() { Type = type } };

    private static Action<V1Pod> Local(string path) => p => p.Spec.SecurityContext = new() { SeccompProfile = new() { Type = "Localhost", LocalhostProfile = path } };

    private static async Task<string[]> RunAsync(RuntimeHost host, string script, Action<V1Pod> change, ImmutableArray<ResolvedMount> mounts = default)
    {
        V1Pod pod = host.Pod(script, change);
        SandboxState sandbox = await host.SandboxAsync(pod);
        ContainerState container = await host.StartAsync(sandbox, pod, 0, mounts.IsDefault ? [] : mounts);
        return RuntimeHost.Log(await host.EndedAsync(container.Id));
    }
}
