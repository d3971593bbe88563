using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using NativeKubelet.Api.Local;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>What the agent asks for before it begins, and what it does where that is refused.</summary>
public sealed class StartTests
{
    private const string Web = "trap exit TERM; sleep 1000 & wait";

    [Fact]
    public async Task A_second_agent_on_the_same_directories_ends_and_names_the_first()
    {
        await using AgentHost node = new(withImage: false);
        await node.StartAsync();

        (int code, string said) = await RunAsync(
            ProgramFile.Path, $"--config={node["config.yaml"]}", $"--root-dir={node["kubelet"]}", $"--data-dir={node["data"]}", $"--run-dir={node["other-run"]}");
        Assert.Equal(1, code);
        Assert.Contains($"--data-dir {node["data"]} is in use: process {node.Pid} holds", said, StringComparison.Ordinal);

        (code, said) = await RunAsync(
            ProgramFile.Path, $"--config={node["config.yaml"]}", $"--root-dir={node["kubelet"]}", $"--data-dir={node["other-data"]}", $"--run-dir={node["run"]}");
        Assert.Equal(1, code);
        Assert.Contains($"--run-dir {node["run"]} is in use: process {node.Pid} holds", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pods_of_another_kubelet_keep_the_agent_from_starting_unless_it_is_told_to_take_over()
    {
        await using AgentHost node = new(withImage: false);
        using Process stranger = Start("/bin/sleep", "1000");
        try
        {
            node.PutIntoForeignPod(stranger.Id);
            node.Launch();
            Assert.Equal(1, await node.ExitedAsync());
            Assert.Contains($"sleep (pid {stranger.Id})", node.Said, StringComparison.Ordinal);
            Assert.Contains("--take-over", node.Said, StringComparison.Ordinal);

            await node.StartAsync("--take-over");
            Assert.False(stranger.HasExited);
        }
        finally
        {
            stranger.Kill();
            await stranger.WaitForExitAsync(AgentHost.Deadline());
        }
    }

    [Fact]
    public async Task Its_own_pods_are_known_after_it_was_killed()
    {
        await using AgentHost node = new();
        node.Write("web.yaml", AgentHost.Pod("web", Web));
        await node.StartAsync();
        PodDocument before = await node.RunningAsync("web");
        await node.KillAsync();

        await node.StartAsync();
        Assert.Equal(before.Containers[0].Id, (await node.RunningAsync("web")).Containers[0].Id);
    }

    [Fact]
    public async Task A_mount_namespace_of_its_own_is_refused_by_name()
    {
        await using AgentHost node = new(withImage: false);
        // A machine in the machine, as the kernel may not show the real one's PID 1 to us: a shell that is PID 1, and an agent with other mounts.
        const string script = "unshare --mount \"$@\"; exit $?";
        string[] agent = [ProgramFile.Path, $"--config={node["config.yaml"]}", $"--root-dir={node["kubelet"]}", $"--data-dir={node["data"]}", $"--run-dir={node["run"]}"];
        (int code, string said) = await RunAsync("/usr/bin/unshare", ["--pid", "--fork", "--mount", "--mount-proc", "--kill-child", "/bin/sh", "-c", script, "sh", .. agent]);
        Assert.True(code == 1, said);
        Assert.Contains("--allow-private-mounts", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_old_runtime_is_warned_of_and_refused_where_it_must_not_be()
    {
        await using AgentHost node = new(withImage: false);
        string runc = node["runc-old"];
        await File.WriteAllTextAsync(runc, "#!/bin/sh\n[ \"$1\" = --version ] && { echo 'runc version 1.1.5'; exit 0; }\nexec runc \"$@\"\n", AgentHost.Deadline());
        File.SetUnixFileMode(runc, UnixFileMode.UserRead | UnixFileMode.UserExecute);

        node.Launch($"--runtime={runc}", "--strict-runtime");
        Assert.Equal(1, await node.ExitedAsync());
        Assert.Contains("CVE-2024-21626", node.Said, StringComparison.Ordinal);

        await node.StartAsync($"--runtime={runc}");
        Assert.Contains("OciRuntimeInDoubt", node.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Systemd_is_told_and_nobody_else_can_tell_it()
    {
        await using AgentHost node = new();
        using Socket listener = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        listener.Bind(new UnixDomainSocketEndPoint(node["notify"]));
        node.Variables["NOTIFY_SOCKET"] = node["notify"];
        node.Variables["WATCHDOG_USEC"] = "2000000";
        node.Write("web.yaml", AgentHost.Pod("web", Web));
        await node.StartAsync();

        Assert.Equal($"READY=1\nMAINPID={node.Pid}", Next(listener));
        for (int i = 0; i < 3; i++) Assert.Equal("WATCHDOG=1", Next(listener));
        await node.RunningAsync("web");
        foreach (int process in node.Processes())
            Assert.DoesNotContain("NOTIFY_SOCKET", await File.ReadAllTextAsync($"/proc/{process}/environ", AgentHost.Deadline()), StringComparison.Ordinal);

        await node.TerminateAsync();
        string last = "";
        while (listener.Available > 0) last = Next(listener);
        Assert.Equal("STOPPING=1", last);
    }

    [Fact]
    public async Task It_waits_for_the_lock_file_and_makes_way_when_another_wants_it()
    {
        await using AgentHost node = new(withImage: false);
        string file = node["kubelet.lock"];
        using (Process other = Start("/usr/bin/flock", file, "-c", "echo held; read word"))
        {
            Assert.Equal("held", await other.StandardOutput.ReadLineAsync(AgentHost.Deadline()));
            node.Launch($"--lock-file={file}", "--exit-on-lock-contention");
            await node.SaidAsync("Acquiring file lock");
            Assert.False(Directory.Exists(node["run"]));
            await other.StandardInput.WriteLineAsync("go");
            await other.WaitForExitAsync(AgentHost.Deadline());
        }
        await node.ServingAsync();

        Images.Tool.Run("/bin/cat", file);
        Assert.Equal(0, await node.ExitedAsync());
    }

    private static string Next(Socket listener)
    {
        byte[] buffer = new byte[256];
        return Encoding.UTF8.GetString(buffer, 0, listener.Receive(buffer));
    }

    private static async Task<(int Code, string Said)> RunAsync(string program, params string[] arguments)
    {
        using Process run = Start(program, arguments);
        string said = await run.StandardError.ReadToEndAsync(AgentHost.Deadline());
        await run.WaitForExitAsync(AgentHost.Deadline());
        return (run.ExitCode, said);
    }

    private static Process Start(string program, params string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardError = true,
        RedirectStandardOutput = true,
        RedirectStandardInput = true,
        WorkingDirectory = "/",
    })!;
}
