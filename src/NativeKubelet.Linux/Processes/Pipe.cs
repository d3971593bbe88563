using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>pipe(2) with both ends close-on-exec. The caller disposes both.</summary>
public static partial class Pipe
{
    private const int CloseOnExec = 0x80000, GetFlags = 3, SetFlags = 4, NonBlocking = 0x800;

    public static unsafe (FileDescriptor Read, FileDescriptor Write) Create()
    {
        int* ends = stackalloc int[2];
        if (Pipe2(ends, CloseOnExec) < 0) throw ErrnoException.Last("pipe2", "pipe");
        return (new FileDescriptor(ends[0]), new FileDescriptor(ends[1]));
    }

    /// <summary>Sets O_NONBLOCK on the open file description, which every duplicate of the fd shares.</summary>
    public static void SetNonBlocking(FileDescriptor fd)
    {
        int flags = Fcntl(fd, GetFlags, 0);
        if (flags < 0 || Fcntl(fd, SetFlags, flags | NonBlocking) < 0) throw ErrnoException.Last("fcntl(O_NONBLOCK)", $"fd {fd.Number}");
    }

    /// <returns>Bytes read, 0 at the end, -1 when a read would block.</returns>
    public static int Read(FileDescriptor fd, Span<byte> buffer) => Done(Read(fd, buffer, buffer.Length), "read", fd);

    /// <returns>Bytes written, -1 when a write would block.</returns>
    /// <exception cref="ErrnoException">EPIPE: nobody reads any more.</exception>
    public static int Write(FileDescriptor fd, ReadOnlySpan<byte> data) => Done(Write(fd, data, data.Length), "write", fd);

    private static int Done(nint result, string call, FileDescriptor fd)
    {
        if (result >= 0) return (int)result;
        int errno = Marshal.GetLastPInvokeError();
        return errno is Errno.EAGAIN or Errno.EINTR ? -1 : throw new ErrnoException(call, $"fd {fd.Number}", errno);
    }

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static unsafe partial int Pipe2(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(FileDescriptor fd, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(FileDescriptor fd, Span<byte> buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(FileDescriptor fd, ReadOnlySpan<byte> data, nint length);
}
