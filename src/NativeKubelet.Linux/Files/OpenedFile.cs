using System.Buffers;
using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

/// <summary>Plain reads and writes on an open file, complete or failed: no short writes, no EINTR.</summary>
public static class OpenedFile
{
    /// <returns>0 at the end of the file.</returns>
    public static int Read(FileDescriptor file, Span<byte> buffer, string name)
    {
        nint count;
        do count = FileCalls.Read(file, buffer, buffer.Length);
        while (count < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
        return count >= 0 ? (int)count : throw ErrnoException.Last("read", name);
    }

    /// <exception cref="ErrnoException">ENOSPC, EIO, EFBIG; what was written so far stays.</exception>
    public static void Write(FileDescriptor file, ReadOnlySpan<byte> data, string name)
    {
        while (!data.IsEmpty)
        {
            nint count = FileCalls.Write(file, data, data.Length);
            if (count >= 0) data = data[(int)count..];
            else if (Marshal.GetLastPInvokeError() != Errno.EINTR) throw ErrnoException.Last("write", name);
        }
    }

    /// <summary>Moves on without writing: a hole, once something follows or the size is set.</summary>
    public static void Skip(FileDescriptor file, long bytes, string name)
    {
        if (FileCalls.Seek(file, bytes, whence: 1) < 0) throw ErrnoException.Last("lseek", name);
    }

    public static void Rewind(FileDescriptor file, long offset, string name)
    {
        if (FileCalls.Seek(file, offset, whence: 0) < 0) throw ErrnoException.Last("lseek", name);
    }

    public static void SetSize(FileDescriptor file, long size, string name)
    {
        if (FileCalls.Truncate(file, size) < 0) throw ErrnoException.Last("ftruncate", name);
    }

    public static void Sync(FileDescriptor file, string name)
    {
        if (FileCalls.Sync(file) < 0) throw ErrnoException.Last("fsync", name);
    }

    /// <summary>Copies what is left of one file to another, inside the kernel where it can (reflinks share the blocks).</summary>
    public static void Copy(FileDescriptor from, FileDescriptor to, string name)
    {
        while (true)
        {
            nint count = FileCalls.CopyRange(from, 0, to, 0, 1 << 30, 0);
            if (count > 0) continue;
            if (count == 0) break;
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR) continue;
            if (errno is Errno.ENOSPC or Errno.EIO) throw new ErrnoException("copy_file_range", name, errno);
            break;
        }
        // What the kernel would not copy (or reported as an empty file, as some file systems do) is read and written.
        byte[] buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
        try
        {
            for (int count; (count = Read(from, buffer, name)) > 0;) Write(to, buffer.AsSpan(0, count), name);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
