using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Namespaces;

/// <summary>A PID namespace that some process is in, held open: its path stays that of this namespace whatever becomes of the process.</summary>
public sealed class PidNamespace : IDisposable
{
    private readonly FileDescriptor _file;

    private PidNamespace(FileDescriptor file) => _file = file;

    /// <summary>By which any program with this one's rights can join it, as long as this object lives.</summary>
    public string Path => $"/proc/{Environment.ProcessId}/fd/{_file.Number}";

    /// <exception cref="ErrnoException">ENOENT: the process has gone.</exception>
    public static PidNamespace OpenOf(int pid)
    {
        string path = $"/proc/{pid}/ns/pid";
        FileDescriptor file = FileCalls.Open(((KernelPath)path).Terminated, OpenFlags.Read.ToKernel(), 0);
        return file.IsInvalid ? throw ErrnoException.Last("open", path) : new(file);
    }

    public void Dispose() => _file.Dispose();
}
