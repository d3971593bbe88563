using System.Runtime.InteropServices;

namespace NativeKubelet.Linux.Libc;

/// <summary>A kernel call failed: which call, on what, and why. The message reads like strace's last column.</summary>
public sealed class ErrnoException(string call, string target, int errno)
    : IOException($"{call} {target}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
{
    public string Call { get; } = call;

    /// <summary>The path, pid or other object that the call was made on.</summary>
    public string Target { get; } = target;

    public int Errno { get; } = errno;

    /// <summary>Throws for the errno that the last P/Invoke left; call it in the very next statement.</summary>
    public static ErrnoException Last(string call, string target) => new(call, target, Marshal.GetLastPInvokeError());
}
