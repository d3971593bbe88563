using System.Runtime.InteropServices;
using System.Text;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>One write, one value: the kernel takes a control file's text whole or not at all, and gives it so.</summary>
internal static partial class CgroupFile
{
    private const int ReadOnly = 0, WriteOnly = 1, CloseOnExec = 0x80000;

    /// <exception cref="ErrnoException">The target names file and value.</exception>
    public static void Write(string path, string value)
    {
        using FileDescriptor file = Open(path, WriteOnly | CloseOnExec);
        if (file.IsInvalid) throw ErrnoException.Last("open", path);
        byte[] bytes = Encoding.ASCII.GetBytes(value);
        while (Put(file, bytes, (nuint)bytes.Length) < 0)
            if (Marshal.GetLastPInvokeError() != Errno.EINTR) throw ErrnoException.Last("write", $"\"{value}\" to {path}");
    }

    /// <returns>0, or the errno.</returns>
    public static int TryOpen(string path, out FileDescriptor file)
    {
        file = Open(path, ReadOnly | CloseOnExec);
        return file.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
    }

    /// <summary>The file's text as it is now: the kernel makes it anew for each read from the start.</summary>
    /// <returns>The number of bytes, or the errno below zero: ENODEV when the group was removed.</returns>
    public static int ReadAtStart(FileDescriptor file, byte[] into)
    {
        nint count;
        do count = Get(file, into, (nuint)into.Length, 0);
        while (count < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
        return count < 0 ? -Marshal.GetLastPInvokeError() : (int)count;
    }

    /// <summary>A short file's text without white space around it.</summary>
    /// <exception cref="ErrnoException">It cannot be read.</exception>
    public static string Read(string path)
    {
        int errno = TryOpen(path, out FileDescriptor file);
        using (file)
        {
            if (errno != 0) throw new ErrnoException("open", path, errno);
            byte[] text = new byte[4096];      // what the kernel gives at most
            int count = ReadAtStart(file, text);
            if (count < 0) throw new ErrnoException("read", path, -count);
            return Encoding.ASCII.GetString(text, 0, count).Trim();
        }
    }

    /// <summary>Mode 0755; one that exists is as good.</summary>
    public static void MakeDirectory(string path) => TryMakeDirectory(path, exceptFor: 0);

    /// <returns>False where the kernel gave the errno that the caller can live with.</returns>
    public static bool TryMakeDirectory(string path, int exceptFor)
    {
        if (MakeDirectory(path, 0x1ED /* 0755 */) == 0) return true;
        int errno = Marshal.GetLastPInvokeError();
        if (errno == Errno.EEXIST) return true;
        return errno == exceptFor ? false : throw new ErrnoException("mkdir", path, errno);
    }

    /// <returns>0, or the errno.</returns>
    public static int TryRemove(string directory)
    {
        while (RemoveDirectory(directory) < 0)
            if (Marshal.GetLastPInvokeError() is not Errno.EINTR and int errno) return errno;
        return 0;
    }

    public static void Kill(int pid) => _ = SendSignal(pid, 9);      // ESRCH: it is gone, which was wanted

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial FileDescriptor Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Put(FileDescriptor fd, byte[] data, nuint length);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static partial nint Get(FileDescriptor fd, byte[] data, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectory(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "rmdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RemoveDirectory(string path);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
