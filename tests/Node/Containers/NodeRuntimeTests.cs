using System.Diagnostics;
using k8s.Models;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Containers;

public sealed class NodeRuntimeTests
{
    [Fact]
    public async Task A_container_runs_writes_its_log_and_its_exit_is_told_with_its_code()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();

        (_, SandboxState sandbox, ContainerState started) = await host.RunAsync("echo hello; echo oops >&2; exit 3");
        ContainerState ended = await host.EndedAsync(started.Id);

        Assert.True(sandbox.Ready);
        Assert.Equal((3, "Error"), (ended.ExitCode, ended.Reason));
        Assert.Equal(["hello", "oops"], RuntimeHost.Log(ended).Order());
        Assert.NotNull(ended.FinishedAt);
    }

    [Fact]
    public async Task A_program_that_does_not_exist_leaves_a_record_that_says_so()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        V1Pod pod = host.Pod("", p => p.Spec.Containers[0].Command = ["/no/such/program"]);
        SandboxState sandbox = await host.SandboxAsync(pod);

        RuntimeException failure = await Assert.ThrowsAsync<RuntimeException>(() => host.StartAsync(sandbox, pod));

        Assert.Equal("RunContainerError", failure.Reason);
        Assert.Contains("/no/such/program", failure.Message, StringComparison.Ordinal);
        ContainerState record = host.Runtime.Sandboxes.Single().Containers.Single();
        Assert.Equal((ContainerPhase.Exited, 128, "StartError"), (record.Phase, record.ExitCode, record.Reason));
    }

    [Fact]
    public async Task A_user_that_the_image_does_not_know_is_refused_and_leaves_nothing()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        V1Pod pod = host.Pod("true", p => p.Spec.Containers[0].SecurityContext = new() { RunAsNonRoot = true });
        SandboxState sandbox = await host.SandboxAsync(pod);

        RuntimeException failure = await Assert.ThrowsAsync<RuntimeException>(() => host.StartAsync(sandbox, pod));

        Assert.Equal("CreateContainerConfigError", failure.Reason);
        Assert.Empty(host.Runtime.Sandboxes.Single().Containers);
        Assert.Empty(Directory.GetDirectories(Path.Combine(host.Paths.Data, "containers")));
        Assert.Empty(Directory.GetDirectories(Path.Combine(host.Paths.Run, "containers")));
    }

    [Fact]
    public async Task What_is_told_to_stop_gets_its_signal_and_time_before_it_is_killed()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, _, ContainerState polite) = await host.RunAsync("trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done");
        (_, _, ContainerState deaf) = await host.RunAsync("trap '' TERM; echo up; while :; do sleep 1; done");
        await Ready(polite);
        await Ready(deaf);
        await host.Runtime.StopContainerAsync(polite.Id, TimeSpan.FromSeconds(30), RuntimeHost.Deadline());
        Stopwatch watch = Stopwatch.StartNew();
        await host.Runtime.StopContainerAsync(deaf.Id, TimeSpan.FromSeconds(1), RuntimeHost.Deadline());

        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.95), TimeLimit.Of(5));
        Assert.Equal(137, host.Find(deaf.Id).ExitCode);
        Assert.Equal(5, host.Find(polite.Id).ExitCode);
    }

    [Fact]
    public async Task An_agent_that_starts_anew_finds_everything_running_and_exits_that_happened_meanwhile()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, _, ContainerState lasting) = await host.RunAsync("while :; do sleep 1; done");
        (_, _, ContainerState ending) = await host.RunAsync("while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 7");
        string go = $"/proc/{ending.Pid}/root/tmp/go";

        await host.Runtime.DisposeAsync();
        File.WriteAllText(go, "");
        await Gone(ending.Pid);
        await host.RestartAgentAsync();

        Assert.Equal(7, (await host.EndedAsync(ending.Id)).ExitCode);
        ContainerState found = host.Find(lasting.Id);
        Assert.Equal((ContainerPhase.Running, lasting.Pid, lasting.StartedAt), (found.Phase, found.Pid, found.StartedAt));
        Assert.All(host.Runtime.Sandboxes, s => Assert.True(s.Ready));
        // It is still in hand: it can be stopped, and its end is seen.
        await host.Runtime.StopContainerAsync(lasting.Id, TimeSpan.Zero, RuntimeHost.Deadline());
        Assert.Equal(137, host.Find(lasting.Id).ExitCode);
    }

    [Fact]
    public async Task A_holder_that_is_killed_takes_its_sandbox_along_and_leaves_no_process()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (V1Pod pod, SandboxState sandbox, ContainerState container) = await host.RunAsync("sleep 1000 & sleep 1000");
        int holder = ParentOf(container.Pid);
        using PidFd process = PidFd.Open(holder);

        process.TrySignal(9);
        ContainerState ended = await host.EndedAsync(container.Id);
        while (host.Runtime.Sandboxes.Single().Ready) await host.Runtime.Events.ReadAsync(RuntimeHost.Deadline());

        Assert.Equal((255, "Unknown"), (ended.ExitCode, ended.Reason));
        Assert.Empty(host.Cgroups.ListPods().Single(p => p.Uid == pod.Metadata.Uid).Processes);
        await host.Runtime.StopSandboxAsync(sandbox.Id, RuntimeHost.Deadline());
        SandboxState next = await host.SandboxAsync(pod, attempt: 1);
        Assert.Equal(ContainerPhase.Running, (await host.StartAsync(next, pod, restart: 1)).Phase);
    }

    [Fact]
    public async Task A_stop_that_was_broken_off_leaves_the_holder_to_the_next_one()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, SandboxState sandbox, ContainerState container) = await host.RunAsync("sleep 1000");
        using PidFd holder = PidFd.Open(ParentOf(container.Pid));
        await host.Runtime.StopContainerAsync(container.Id, TimeSpan.Zero, RuntimeHost.Deadline());

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.Runtime.StopSandboxAsync(sandbox.Id, new CancellationToken(canceled: true)));
        await host.Runtime.StopSandboxAsync(sandbox.Id, RuntimeHost.Deadline());

        await holder.WaitForExitAsync(RuntimeHost.Deadline());
        await host.Runtime.RemoveSandboxAsync(sandbox.Id, RuntimeHost.Deadline());
        Assert.Empty(host.Runtime.Sandboxes);
    }

    [Fact]
    public async Task After_a_reboot_what_ran_has_ended_unknown_and_what_was_finished_stays_finished()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, _, ContainerState running) = await host.RunAsync("sleep 1000");
        (_, _, ContainerState finished) = await host.RunAsync("exit 0");
        await host.EndedAsync(finished.Id);

        await host.RebootAsync();

        Assert.Equal((ContainerPhase.Exited, 255, "Unknown"), (host.Find(running.Id).Phase, host.Find(running.Id).ExitCode, host.Find(running.Id).Reason));
        Assert.Equal((0, "Completed"), (host.Find(finished.Id).ExitCode, host.Find(finished.Id).Reason));
        Assert.All(host.Runtime.Sandboxes, s => Assert.False(s.Ready));
    }

    [Fact]
    public async Task An_exec_runs_with_the_containers_rights_and_tells_its_exit_code()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, _, ContainerState container) = await host.RunAsync(
            "sleep 1000", p => p.Spec.Containers[0].SecurityContext = new() { RunAsUser = 1234, ReadOnlyRootFilesystem = true });
        (Linux.Libc.FileDescriptor read, Linux.Libc.FileDescriptor write) = Pipe.Create();

        ExecSession session;
        using (write)
            session = await host.Runtime.ExecAsync(new ExecStart(container.Id, ["/bin/sh", "-c", "id -u; exit 9"], false, null, write, null), RuntimeHost.Deadline());
        byte[] output = new byte[64];
        int length = 0;
        using (read)
            while (Pipe.Read(read, output.AsSpan(length)) is > 0 and var count) length += count;

        Assert.Equal("1234\n", System.Text.Encoding.UTF8.GetString(output, 0, length));
        Assert.Equal(9, await session.Exit.WaitAsync(RuntimeHost.Deadline()));
        RuntimeException failure = await Assert.ThrowsAsync<RuntimeException>(
            () => host.Runtime.ExecAsync(new ExecStart(container.Id, ["/none"], false, null, null, null), RuntimeHost.Deadline()));
        Assert.Contains("/none", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_removed_pod_leaves_no_mount_file_or_group()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (V1Pod pod, _, ContainerState container) = await host.RunAsync("echo x > /written; sleep 1000");

        await host.RemoveAsync(pod);

        Assert.Empty(host.Runtime.Sandboxes);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(host.Paths.Data, "containers")));
        foreach (string part in (string[])["containers", "sandboxes", "netns", "tty", "runc"])
            Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(host.Paths.Run, part)));
        Assert.DoesNotContain(MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")), m => m.MountPoint.StartsWith(host.Paths.Run, StringComparison.Ordinal));
        Assert.Empty(host.Cgroups.ListPods());
        Assert.False(File.Exists(container.LogPath));
        Assert.Empty(Directory.GetFileSystemEntries(host.Paths.ContainerLogs));
    }

    [Fact]
    public async Task Last_words_are_kept_and_a_record_cut_short_is_set_aside()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, _, ContainerState first) = await host.RunAsync("echo -n farewell > /dev/termination-log; exit 1");
        (_, _, ContainerState second) = await host.RunAsync(
            "echo from the log; exit 1", p => p.Spec.Containers[0].TerminationMessagePolicy = "FallbackToLogsOnError");
        Assert.Equal("farewell", (await host.EndedAsync(first.Id)).Message);
        Assert.Equal("from the log\n", (await host.EndedAsync(second.Id)).Message);

        string record = Path.Combine(host.Paths.ContainerData(first.Id), "record.json");
        await host.Runtime.DisposeAsync();
        File.WriteAllBytes(record, File.ReadAllBytes(record)[..40]);
        await host.RestartAgentAsync();

        Assert.True(File.Exists(record + ".corrupt"));
        Assert.DoesNotContain(host.Runtime.Sandboxes.SelectMany(s => s.Containers), c => c.Id == first.Id);
        Assert.Equal(1, host.Find(second.Id).ExitCode);
    }

    [Fact]
    public async Task What_an_agent_left_that_died_while_it_made_or_removed_a_sandbox_goes_at_the_next_start()
    {
        await using RuntimeHost host = await RuntimeHost.StartAsync();
        (_, SandboxState kept, _) = await host.RunAsync("exec sleep 1000");
        string stray = host.Paths.SandboxDirectory(new string('a', 64)), shm = Path.Combine(stray, "shm");
        Directory.CreateDirectory(shm);
        Linux.Mounts.MountPoint.Tmpfs(shm, new(4096, 0x3FF), Linux.Mounts.MountAttributes.None);

        await host.RestartAgentAsync();

        Assert.Equal([host.Paths.SandboxDirectory(kept.Id)], Directory.GetDirectories(Path.GetDirectoryName(stray)!));
    }

    private static int ParentOf(int pid) => int.Parse(File.ReadAllText($"/proc/{pid}/stat").Split(") ")[1].Split(' ')[1]);

    private static async Task Ready(ContainerState container)
    {
        for (CancellationToken deadline = RuntimeHost.Deadline(); !File.Exists(container.LogPath) || RuntimeHost.Log(container).Length == 0; await Task.Delay(5))
            deadline.ThrowIfCancellationRequested();
    }

    private static async Task Gone(int pid)
    {
        try
        {
            using PidFd process = PidFd.Open(pid);
            await process.WaitForExitAsync(RuntimeHost.Deadline());
        }
        catch (Linux.Libc.ErrnoException)
        {
            // Reaped already.
        }
    }
}
