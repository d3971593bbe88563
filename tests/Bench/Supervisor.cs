using System.Diagnostics;
using System.Runtime.InteropServices;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Tests.Node;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Bench;

/// <summary>
/// Runs the bench as another process, in a session of its own, and stays: a bench that is told to stop is killed with all that it started,
/// wherever it was, and what it made goes by its tag.
/// </summary>
internal static class Supervisor
{
    public static async Task<int> RunAsync(string[] args)
    {
        string tag = TestTag.Random(), scratch = $"/var/tmp/nk-bench-{tag}";
        Environment.SetEnvironmentVariable(TestTag.Variable, tag);
        Directory.CreateDirectory(scratch);
        ProcessStartInfo start = new("/usr/bin/setsid", [Environment.ProcessPath!, .. args]);
        start.Environment["TMPDIR"] = scratch;
        using Process bench = Process.Start(start)!;
        int code = 0;
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        await bench.WaitForExitAsync();
        if (code != 0) await new AgentHost(withImage: false).DisposeAsync();
        AgentHost.UnmountBelow(scratch);
        DirectoryHandle.DeleteTree(scratch);
        return code == 0 ? bench.ExitCode : code;

        void Stop(PosixSignalContext told)
        {
            told.Cancel = true;
            code = told.Signal switch { PosixSignal.SIGHUP => 129, PosixSignal.SIGINT => 130, _ => 143 };
            if (!bench.HasExited) ProcessGroup.Kill(bench.Id, 9);
        }
    }
}
