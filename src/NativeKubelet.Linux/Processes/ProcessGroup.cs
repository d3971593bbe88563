using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>Signals to all processes of a group (kill(2) with a negative pid).</summary>
public static partial class ProcessGroup
{
    /// <summary>A group that is gone is no error. Only safe while the caller has not reaped the group's leader.</summary>
    public static void Kill(int group, int signal)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(group, 2);     // -1 would mean every process of the machine
        if (SendSignal(-group, signal) == 0) return;
        int errno = Marshal.GetLastPInvokeError();
        if (errno != Errno.ESRCH) throw new ErrnoException("kill", $"process group {group} signal {signal}", errno);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
