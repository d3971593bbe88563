using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>An open directory to be handed to another process, which then needs no path to it.</summary>
public static partial class DirectoryDescriptor
{
    private const int CloseOnExec = 0x80000;

    // O_DIRECTORY and O_NOFOLLOW have other numbers on arm64.
    private static readonly int Flags = CloseOnExec
        | (RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 | 0x8000 : 0x10000 | 0x20000);

    /// <exception cref="ErrnoException">ENOENT, or ENOTDIR: the last component is a link or a file.</exception>
    public static FileDescriptor Open(string path)
    {
        FileDescriptor fd = Open(path, Flags);
        return fd.IsInvalid ? throw ErrnoException.Last("open", path) : fd;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial FileDescriptor Open(string path, int flags);
}
