using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Runtime.Containers;

/// <summary>The processes that an ephemeral container is to see: those of one other container of its sandbox.</summary>
internal static class TargetProcesses
{
    /// <returns>Null: it sees its own alone, or the pod shares one namespace anyway.</returns>
    /// <exception cref="RuntimeException">The target does not run.</exception>
    public static PidNamespace? Open(Sandbox sandbox, ContainerStart start)
    {
        if (start.TargetId is not { } id || sandbox.Record.SharePid || sandbox.Record.HostPid) return null;
        if (sandbox.Find(id) is not { Phase: ContainerPhase.Running } target) throw NotRunning(id, null);
        try
        {
            return OpenOf(target);
        }
        catch (ErrnoException e)
        {
            throw NotRunning(id, e);
        }
    }

    /// <summary>A number is no proof: the container may have ended, and its number be another process's by now, one of the host's even.</summary>
    private static PidNamespace OpenOf(ContainerRecord target)
    {
        using PidFd process = PidFd.Open(target.Pid);
        PidNamespace opened = PidNamespace.OpenOf(target.Pid);
        // Whatever the driver, a container's group is named after it. The process that was held all the while is the one that was looked at.
        if (ProcFs.Cgroups(target.Pid).Any(group => group.Path.Contains(target.Id, StringComparison.Ordinal)) && process.TrySignal(0)) return opened;
        opened.Dispose();
        throw NotRunning(target.Id, null);
    }

    private static RuntimeException NotRunning(string id, Exception? inner) =>
        new("CreateContainerError", $"invalid target container: container \"{id}\" is not running", inner);
}
