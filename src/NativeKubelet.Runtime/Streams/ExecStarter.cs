using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using NativeKubelet.Api.Oci;
using NativeKubelet.Core.Containers;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Runtime.Streams;

/// <summary>Starts further processes in containers: same user, capabilities, environment and directory as the container's own.</summary>
internal sealed class ExecStarter(RuntimeSettings settings)
{
    private const string Failed = "ExecFailed";

    public async Task<ExecSession> StartAsync(Sandbox sandbox, HolderConnection holder, ContainerRecord container, ExecStart start, CancellationToken cancel)
    {
        string where = $"exec in container {container.Name} of pod {container.PodNamespace}/{container.PodName}";
        if (start.Command.IsDefaultOrEmpty) throw new RuntimeException(Failed, $"{where}: no command given");
        ContainerFiles files = new(settings.Paths, container.Id);
        string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), prefix = Path.Combine(files.Bundle, "exec-" + id);
        string process = prefix + ".json", log = prefix + ".log", pid = prefix + ".pid";
        string? console = start.Tty ? files.ConsoleSocket(id) : null;
        Task<int> exit = sandbox.ExitOf(container.Id, id);
        try
        {
            RuncCommand runtime = settings.RuntimeOf(sandbox.Record.Handler) ?? throw new IOException($"the OCI runtime {sandbox.Record.Handler} is not configured any more");
            await File.WriteAllBytesAsync(process, Process(files, start), cancel);
            using SafeHandle nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            (RunResult result, FileDescriptor? terminal) = await holder.ExecAsync(
                new ExecRequest(container.Id, id, runtime.Exec(container.Id, process, pid, log, console), ContainerLauncher.RuntimeEnvironment, pid, console),
                start.In ?? nothing, start.Out ?? nothing, start.Error ?? nothing, cancel);
            if (!result.Started)
            {
                terminal?.Dispose();
                string said = File.Exists(log) ? RuncLog.LastError(await File.ReadAllBytesAsync(log, cancel)) : "";
                throw new RuntimeException(Failed, $"{where}: {(said.Length > 0 ? said : result.RuntimeError.Trim())}");
            }
            // Who is killed cannot end what he started himself.
            return new ExecSession(terminal, exit, (signal, stop) => signal == StopSignal.Kill
                ? holder.KillExecAsync(container.Id, id, signal, stop) : holder.SignalAsync(container.Id, id, signal, stop));
        }
        catch (Exception e)
        {
            sandbox.ExecEnded(container.Id, id, Sandbox.LostExit);
            throw e is HolderException or IOException or ErrnoException ? new RuntimeException(Failed, $"{where}: {e.Message}", e) : e;
        }
        finally
        {
            foreach (string file in (string[])[process, log, pid]) File.Delete(file);
        }
    }

    private static byte[] Process(ContainerFiles files, ExecStart start)
    {
        RuntimeSpec spec = JsonSerializer.Deserialize(File.ReadAllBytes(files.Config), RuntimeSpecJson.Default.RuntimeSpec)
            ?? throw new IOException($"{files.Config} is empty");
        IReadOnlyList<string> environment = spec.Process.Env;
        if (start.Tty && !environment.Any(e => e.StartsWith("TERM=", StringComparison.Ordinal))) environment = [.. environment, "TERM=xterm"];
        return JsonSerializer.SerializeToUtf8Bytes(
            spec.Process with { Args = start.Command, Terminal = start.Tty, Env = environment }, RuntimeSpecJson.Default.RuntimeProcess);
    }
}
