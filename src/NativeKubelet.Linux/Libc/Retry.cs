using System.Runtime.InteropServices;

namespace NativeKubelet.Linux.Libc;

/// <summary>The one place where EINTR is answered. Never wrap close(2): on Linux the fd is gone either way.</summary>
public static class Retry
{
    /// <summary>Runs <paramref name="call"/> again for as long as it fails with EINTR.</summary>
    /// <returns>What the call returned; when that is negative, the errno is still in GetLastPInvokeError.</returns>
    public static int OnInterrupt(Func<int> call)
    {
        int result;
        do result = call();
        while (result < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
        return result;
    }
}
