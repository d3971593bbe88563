using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>
/// A program in memory that nobody can change any more, whatever fd to it he gets hold of (memfd_create(2), CVE-2019-5736).
/// It runs from noexec and read-only file systems alike.
/// </summary>
public static partial class SealedMemory
{
    private const uint CloseOnExec = 1, AllowSealing = 2, Executable = 0x10;
    private const int AddSeals = 1033, SealSeal = 1, SealShrink = 2, SealGrow = 4, SealWrite = 8;

    /// <returns>Null where vm.memfd_noexec=2 forbids programs in memory.</returns>
    public static FileDescriptor? TryCreate(string name, ReadOnlySpan<byte> content)
    {
        FileDescriptor memory = MemfdCreate(name, CloseOnExec | AllowSealing | Executable);
        // MFD_EXEC is younger (6.3) than memfd_create; an older kernel refuses the unknown flag and needs none.
        if (memory.IsInvalid && Marshal.GetLastPInvokeError() == Errno.EINVAL)
            memory = MemfdCreate(name, CloseOnExec | AllowSealing);
        if (memory.IsInvalid)
            return Marshal.GetLastPInvokeError() == Errno.EACCES ? null : throw ErrnoException.Last("memfd_create", name);

        try
        {
            while (!content.IsEmpty)
            {
                nint written = Write(memory, content, content.Length);
                if (written < 0) throw ErrnoException.Last("write", $"memfd {name}");
                content = content[(int)written..];
            }
            if (AddSealsTo(memory, AddSeals, SealWrite | SealGrow | SealShrink | SealSeal) < 0)
                throw ErrnoException.Last("fcntl(F_ADD_SEALS)", $"memfd {name}");
            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial FileDescriptor MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(FileDescriptor fd, ReadOnlySpan<byte> data, nint length);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int AddSealsTo(FileDescriptor fd, int command, nint seals);
}
