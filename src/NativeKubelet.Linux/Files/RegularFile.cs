using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

public enum RegularFileResult { Read, Missing, NotRegular, TooLarge }

/// <summary>Reads files that others put somewhere: what is named there may be a FIFO, a device, or endless.</summary>
public static unsafe partial class RegularFile
{
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800, NoControllingTty = 0x100, EmptyPath = 0x1000, ModeAndSize = 0x203;
    private const int TypeMask = 0xF000, Regular = 0x8000, ModeOffset = 28;

    /// <summary>Follows links. Opens without blocking, so that a FIFO without a writer holds nobody up.</summary>
    /// <param name="content">Empty unless the result is Read.</param>
    /// <exception cref="ErrnoException">Any other reason, e.g. EACCES or EIO.</exception>
    public static RegularFileResult TryRead(string path, int mostBytes, out byte[] content)
    {
        content = [];
        using FileDescriptor fd = Open(path, CloseOnExec | NonBlocking | NoControllingTty);
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

        byte* about = stackalloc byte[256];
        if (Statx(fd, "", EmptyPath, ModeAndSize, about) < 0) throw ErrnoException.Last("statx", path);
        if ((*(ushort*)(about + ModeOffset) & TypeMask) != Regular) return RegularFileResult.NotRegular;

        byte[] buffer = new byte[16 << 10];
        int length = 0;
        while (true)
        {
            int count;
            fixed (byte* at = &buffer[length])
            {
                nint room = buffer.Length - length;
                byte* target = at;
                count = (int)Read(fd, target, room);
            }
            if (count < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno == Errno.EINTR) continue;
                throw new ErrnoException("read", path, errno);
            }
            length += count;
            if (length > mostBytes) return RegularFileResult.TooLarge;
            if (count == 0) break;
            if (length == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
        }
        content = buffer[..length];
        return RegularFileResult.Read;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial FileDescriptor Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(FileDescriptor directory, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(FileDescriptor fd, byte* buffer, nint count);
}
