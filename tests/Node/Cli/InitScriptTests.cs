using System.Diagnostics;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Node.Cli;

/// <summary>The init script on a machine that has BusyBox and nothing else.</summary>
public sealed class InitScriptTests : IDisposable
{
    private const string Busybox = "/bin/busybox";
    private readonly string _root = Directory.CreateTempSubdirectory("nk-test-").FullName;

    public InitScriptTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it changes its root directory");
        Assert.SkipUnless(File.Exists(Busybox), "needs busybox-static");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task It_starts_what_is_installed_starts_it_again_when_it_ends_and_stops_it()
    {
        Directory.CreateDirectory(this["bin"]);
        Directory.CreateDirectory(this["etc/init.d"]);
        Directory.CreateDirectory(this["run"]);
        File.Copy(Busybox, this["bin/busybox"]);
        File.WriteAllText(this["etc/init.d/rcS"], "#!/bin/sh\nfor s in /etc/init.d/S??*; do $s start; done\n");
        Assert.Equal(0, (await RunAsync(ProgramFile.Path, "install", "--root", _root)).Code);
        Assert.Equal("kubelet", new FileInfo(this["etc/init.d/S90kubelet"]).LinkTarget);
        Directory.CreateDirectory(this["etc/default"]);
        File.WriteAllText(this["etc/default/kubelet"], "KUBELET_EXTRA_ARGS='--max-pods=3 -v=2'\n");
        // What is installed needs more than this root holds; what is told to it does not.
        File.WriteAllText(this["usr/bin/nativekubelet"], "#!/bin/sh\necho \"$@\" >>/run/started\necho $$ >/run/agent\nexec sleep 1000\n");

        (int code, string output) = await RunAsync("/usr/bin/unshare", "--pid", "--fork", "--mount", "--kill-child", "/bin/sh", "-c", $$"""
            mkdir {{_root}}/proc; mount -t proc proc {{_root}}/proc; mount --bind /dev {{_root}}/dev 2>/dev/null || { mkdir {{_root}}/dev; mount --bind /dev {{_root}}/dev; }
            exec chroot {{_root}} /bin/busybox sh -c '
            /bin/busybox --install -s /bin
            sed -i "s/sleep 10 /sleep 0.1 /" /etc/init.d/kubelet
            lines() { n=0; while [ "$(cat /run/started 2>/dev/null | wc -l)" -lt $1 ]; do n=$((n + 1)); [ $n -lt 600 ] || exit 9; sleep 0.1; done; }
            S=/etc/init.d/S90kubelet
            $S status; echo status $?
            sh /etc/init.d/rcS; lines 1; $S status >/dev/null; echo status $?
            $S start | sed "s/[0-9][0-9]*/N/"
            kill -9 $(cat /run/agent); lines 2; echo again
            agent=$(cat /run/agent); $S stop; echo stop $?; [ -d /proc/$agent ] || echo gone
            $S status >/dev/null; echo status $?
            $S restart; lines 3; $S stop; cat /run/started'
            """);
        Assert.True(code == 0, output);
        const string flags = "--config=/etc/nativekubelet/config.yaml --max-pods=3 -v=2\n";
        Assert.Equal($"kubelet does not run\nstatus 3\nstatus 0\nkubelet runs already (pid N)\nagain\nstop 0\ngone\nstatus 3\n{flags}{flags}{flags}", output);
    }

    private string this[string name] => Path.Combine(_root, name);

    private static async Task<(int Code, string Output)> RunAsync(string program, params string[] words)
    {
        ProcessStartInfo start = new(program) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        foreach (string word in words) start.ArgumentList.Add(word);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(AgentHost.Deadline(120)), error = process.StandardError.ReadToEndAsync(AgentHost.Deadline(120));
        await process.WaitForExitAsync(AgentHost.Deadline(120));
        return (process.ExitCode, await output + await error);
    }
}
