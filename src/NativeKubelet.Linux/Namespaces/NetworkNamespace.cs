using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;

namespace NativeKubelet.Linux.Namespaces;

/// <summary>
/// An open network namespace. Work inside it runs on a thread of its own that ends afterwards: a thread that has changed its
/// namespace must never meet other work again. Sockets opened there, and processes started there, stay in it.
/// </summary>
public sealed partial class NetworkNamespace : IDisposable
{
    private const int NewNet = 0x40000000, StackSize = 256 * 1024;
    private const long NsFsMagic = 0x6e736673;

    private NetworkNamespace(FileDescriptor file, string name) => (Descriptor, Name) = (file, name);

    /// <summary>What IFLA_NET_NS_FD and setns(2) take.</summary>
    public FileDescriptor Descriptor { get; }

    public string Name { get; }

    /// <exception cref="ErrnoException">ENOENT; EINVAL: the path is no namespace, such as a mount point whose mount is gone.</exception>
    public static NetworkNamespace Open(string path)
    {
        FileDescriptor file = OpenFile(path);
        try
        {
            return IsNamespace(file, path) ? new NetworkNamespace(file, path) : throw new ErrnoException("open network namespace", path, Errno.EINVAL);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A new, empty one, which lives as long as this object, its bind mounts and its processes.</summary>
    public static NetworkNamespace Create(string name = "new network namespace")
    {
        FileDescriptor? file = null;
        OnOwnThread("network namespace", () =>
        {
            if (Unshare(NewNet) < 0) throw ErrnoException.Last("unshare(CLONE_NEWNET)", name);
            file = OpenFile("/proc/thread-self/ns/net");
        });
        return new NetworkNamespace(file!, name);
    }

    /// <summary>Whether a namespace is bound to this path. A missing file, and a plain one whose mount is gone, are none.</summary>
    public static bool IsBound(string path)
    {
        try
        {
            using FileDescriptor file = OpenFile(path);
            return IsNamespace(file, path);
        }
        catch (ErrnoException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            return false;
        }
    }

    /// <summary>Keeps the namespace of a process reachable under <paramref name="path"/>, whose directory must exist.</summary>
    /// <exception cref="ErrnoException">ENOENT: the process is gone.</exception>
    public static void Bind(int pid, string path)
    {
        using NetworkNamespace its = Open($"/proc/{pid}/ns/net");
        its.BindTo(path);
    }

    /// <summary>Keeps this namespace reachable under <paramref name="path"/>, whose directory must exist.</summary>
    public void BindTo(string path)
    {
        Unbind(path);
        File.WriteAllBytes(path, []);
        try
        {
            using DetachedMount? copy = DetachedMount.TryCopy(Descriptor, Name, recursive: false);
            if (copy is not null) copy.Attach(path);
            else MountPoint.Bind(Descriptor.ProcPath, path, recursive: false, readOnly: false);     // before Linux 5.2
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Takes away what <see cref="Bind(int, string)"/> made; what is gone already is no error.</summary>
    public static void Unbind(string path)
    {
        MountPoint.Detach(path);
        File.Delete(path);
    }

    /// <summary>Runs <paramref name="work"/> inside and waits for it; its exception is thrown here.</summary>
    public void Run(Action work) => OnOwnThread($"in {Name}", () =>
    {
        if (SetNamespace(Descriptor, NewNet) < 0) throw ErrnoException.Last("setns", Name);
        work();
    });

    /// <inheritdoc cref="Run(Action)"/>
    public T Run<T>(Func<T> work)
    {
        T result = default!;    // assigned unless Run throws
        Run(() => { result = work(); });
        return result;
    }

    public void Dispose() => Descriptor.Dispose();

    private static void OnOwnThread(string name, Action work)
    {
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }, StackSize)
        { IsBackground = true, Name = name };
        thread.UnsafeStart();
        thread.Join();
        failure?.Throw();
    }

    private static FileDescriptor OpenFile(string path)
    {
        FileDescriptor file = FileCalls.Open(((KernelPath)path).Terminated, OpenFlags.Read.ToKernel(), 0);
        return file.IsInvalid ? throw ErrnoException.Last("open", path) : file;
    }

    private static bool IsNamespace(FileDescriptor file, string path)
    {
        Span<long> raw = stackalloc long[32];
        if (FileCalls.StatFileSystem(file, raw) < 0) throw ErrnoException.Last("fstatfs", path);
        return raw[0] == NsFsMagic;
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(FileDescriptor file, int type);

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);
}
