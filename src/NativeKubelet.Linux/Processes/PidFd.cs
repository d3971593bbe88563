using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>Holds one process, safe against pid reuse (pidfd_open(2), Linux 5.3).</summary>
public sealed partial class PidFd : SafeHandleMinusOneIsInvalid
{
    private const int PidfdSendSignal = 424, PidfdOpen = 434;      // equal on every architecture since 5.1
    private const int WaitOnPidfd = 3, Exited = 4, NoHang = 1;     // waitid(2): P_PIDFD, WEXITED, WNOHANG
    private const int SignalInfoSize = 128, CodeOffset = 8, PidOffset = 16, StatusOffset = 24, ExitedByItself = 1;

    public PidFd() : base(ownsHandle: true) { }

    /// <summary>For display and for paths under /proc; the process that it names is the one this object holds.</summary>
    public int Pid { get; private set; }

    /// <exception cref="ErrnoException">ESRCH: already gone and reaped. ENOSYS: kernel older than 5.3.</exception>
    public static PidFd Open(int pid)
    {
        PidFd fd = Open(PidfdOpen, pid, 0);
        if (fd.IsInvalid) throw ErrnoException.Last("pidfd_open", $"pid {pid}");
        fd.Pid = pid;
        return fd;
    }

    /// <returns>False when the process had already ended; that is no error.</returns>
    public bool TrySignal(int signal)
    {
        if (SendSignal(PidfdSendSignal, this, signal, 0, 0) == 0) return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.ESRCH ? false : throw new ErrnoException("pidfd_send_signal", $"pid {Pid} signal {signal}", errno);
    }

    /// <summary>Completes when the process has ended (it may still be a zombie). Works for any process, costs no thread.</summary>
    public Task WaitForExitAsync(CancellationToken cancel) => Readiness.Shared.ReadableAsync(this, cancel);

    /// <summary>Waits for a child of this program and takes its exit status; the zombie is gone afterwards.</summary>
    /// <exception cref="ErrnoException">ECHILD: no child of ours, or already reaped.</exception>
    public async Task<ExitStatus> ReapAsync(CancellationToken cancel)
    {
        while (true)
        {
            if (TryReap() is { } status) return status;
            await WaitForExitAsync(cancel);
        }
    }

    /// <returns>Null while the child still runs.</returns>
    /// <exception cref="ErrnoException">ECHILD: no child of ours, or already reaped.</exception>
    public unsafe ExitStatus? TryReap()
    {
        byte* info = stackalloc byte[SignalInfoSize];
        new Span<byte>(info, SignalInfoSize).Clear();
        int result;
        do result = WaitId(WaitOnPidfd, this, info, Exited | NoHang);
        while (result < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
        if (result < 0) throw ErrnoException.Last("waitid", $"pid {Pid}");

        if (*(int*)(info + PidOffset) == 0) return null;
        int status = *(int*)(info + StatusOffset);
        return *(int*)(info + CodeOffset) == ExitedByItself ? new ExitStatus(status, 0) : new ExitStatus(0, status);
    }

    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    // By number: libc has names for these only since 2.36, and older hosts must start.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial PidFd Open(nint number, nint pid, nint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial int SendSignal(nint number, PidFd fd, nint signal, nint info, nint flags);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static unsafe partial int WaitId(int kind, PidFd fd, byte* info, int options);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int fd);
}
