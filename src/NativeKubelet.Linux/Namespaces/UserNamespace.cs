using System.Runtime.InteropServices;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Namespaces;

/// <summary>A user namespace that some process is in.</summary>
public static class UserNamespace
{
    /// <summary>What mount_setattr(2) takes to show a file system's owners as this namespace's.</summary>
    /// <exception cref="ErrnoException">ENOENT: the process has gone.</exception>
    public static FileDescriptor OpenOf(int pid)
    {
        string path = $"/proc/{pid}/ns/user";
        FileDescriptor file = FileCalls.Open(((KernelPath)path).Terminated, OpenFlags.Read.ToKernel(), 0);
        return file.IsInvalid ? throw new ErrnoException("open", path, Marshal.GetLastPInvokeError()) : file;
    }
}
