using System.Globalization;
using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>What this process may change about itself. Each may be forbidden; whoever asks decides what that means.</summary>
public static unsafe partial class OwnProcess
{
    private const int OpenFiles = 7, SetDumpable = 4;

    /// <summary>How readily the kernel kills this process when memory runs out; -1000 is never.</summary>
    /// <returns>False without CAP_SYS_RESOURCE (EACCES), where it may only be raised.</returns>
    public static bool TrySetOomScoreAdj(int value)
    {
        try
        {
            File.WriteAllText("/proc/self/oom_score_adj", value.ToString(CultureInfo.InvariantCulture));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Raises both limits of RLIMIT_NOFILE where that is allowed, else the soft one as far as the hard one lets it; lowers nothing.</summary>
    /// <returns>The soft limit that is in force now.</returns>
    public static ulong RaiseOpenFileLimit(ulong wanted)
    {
        ulong* limits = stackalloc ulong[2];
        if (GetLimit(OpenFiles, limits) < 0) throw ErrnoException.Last("getrlimit", "RLIMIT_NOFILE");
        (ulong soft, ulong hard) = (limits[0], limits[1]);
        if (soft >= wanted) return soft;
        (limits[0], limits[1]) = (wanted, Math.Max(hard, wanted));
        if (SetLimit(OpenFiles, limits) == 0) return wanted;
        (limits[0], limits[1]) = (Math.Min(wanted, hard), hard);
        return SetLimit(OpenFiles, limits) == 0 ? limits[0] : soft;
    }

    /// <summary>No core dumps of this process, and no look into its memory but root's: it holds credentials (prctl(2) PR_SET_DUMPABLE).</summary>
    public static void ForbidDumps()
    {
        if (Control(SetDumpable, 0, 0, 0, 0) < 0) throw ErrnoException.Last("prctl(PR_SET_DUMPABLE)", "this process");
    }

    /// <summary>What new files lack, whoever started this process and with what.</summary>
    public static void SetFileModeMask(uint mask) => _ = SetMask(mask);

    /// <summary>Whether what this process mounts is seen by the machine: its mount namespace is PID 1's.</summary>
    /// <returns>Null where the kernel does not let this process know.</returns>
    public static bool? SharesMountsWithInit()
    {
        try
        {
            return new FileInfo("/proc/1/ns/mnt").LinkTarget is { } init ? init == new FileInfo("/proc/self/ns/mnt").LinkTarget : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, ulong* limits);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, ulong* limits);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint SetMask(uint mask);
}
