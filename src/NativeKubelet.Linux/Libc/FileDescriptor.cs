using System.Runtime.InteropServices;

namespace NativeKubelet.Linux.Libc;

/// <summary>Owns one open file description of any kind. Whoever disposes it closes it; close is never retried on EINTR.</summary>
public sealed partial class FileDescriptor : SafeHandle
{
    public FileDescriptor() : base(-1, ownsHandle: true) { }

    /// <summary>Takes over <paramref name="fd"/>.</summary>
    public FileDescriptor(int fd) : base(-1, ownsHandle: true) => SetHandle(fd);

    /// <summary>
    /// Only the low half counts: C returns an int, the upper half of the register is whatever the function left there, and a
    /// failed open would pass for descriptor 4294967295.
    /// </summary>
    public override bool IsInvalid => (int)handle < 0;

    /// <summary>The number, for the one call that needs it. It is only valid while this object is alive.</summary>
    public int Number => (int)handle;

    /// <summary>The magic link by which paths reach this description, e.g. for exec of a memfd or a bind mount.</summary>
    public string ProcPath => $"/proc/self/fd/{Number}";

    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int fd);
}
