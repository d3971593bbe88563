using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

public enum RegularFileResult { Read, Missing, NotRegular, TooLarge }

/// <summary>Reads files that others put somewhere: what is named there may be a FIFO, a device, or endless.</summary>
public static class RegularFile
{
    private const int FirstBuffer = 16 << 10;

    /// <summary>Follows links. Opens without blocking, so that a FIFO without a writer holds nobody up.</summary>
    /// <param name="content">Empty unless the result is Read.</param>
    /// <exception cref="ErrnoException">Any other reason, e.g. EACCES or EIO.</exception>
    public static RegularFileResult TryRead(string path, int mostBytes, out byte[] content)
    {
        content = [];
        using FileDescriptor fd = FileCalls.Open(((KernelPath)path).Terminated, (OpenFlags.Read | OpenFlags.NonBlocking).ToKernel(), 0);
        if (fd.IsInvalid)
        {
            int errno = Marshal.GetLastPInvokeError();
            return errno switch
            {
                Errno.ENOENT or Errno.ENOTDIR => RegularFileResult.Missing,
                Errno.ENXIO or Errno.ENODEV => RegularFileResult.NotRegular, // a socket, or a device without a driver
                _ => throw new ErrnoException("open", path, errno),
            };
        }
        return TryRead(fd, path, mostBytes, out content);
    }

    /// <summary>The same for a file that is open already, at its beginning.</summary>
    public static RegularFileResult TryRead(FileDescriptor fd, string path, int mostBytes, out byte[] content)
    {
        content = [];
        FileStatus status = DirectoryHandle.StatusOf(fd, path);
        if (status.Kind != FileKind.Regular) return RegularFileResult.NotRegular;
        if (status.Size > mostBytes) return RegularFileResult.TooLarge;
        byte[] buffer = new byte[status.Size < FirstBuffer ? FirstBuffer : (int)status.Size + 1];
        int length = 0;
        while (OpenedFile.Read(fd, buffer.AsSpan(length), path) is > 0 and var count)
        {
            // It may have grown since: the size was a hint, the bytes count.
            length += count;
            if (length > mostBytes) return RegularFileResult.TooLarge;
            if (length == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
        }
        content = buffer[..length];
        return RegularFileResult.Read;
    }
}
