using System.Runtime.InteropServices;
using System.Text;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Mounts;

/// <summary>
/// A file system being configured, parameter by parameter, until it is mounted (fsopen(2), Linux 5.2). Nothing is limited
/// to one page of options, and the kernel says in words what it did not like.
/// </summary>
public sealed class FileSystemContext : IDisposable
{
    private const int CloseOnExec = 1, SetFlag = 0, SetString = 1, Create = 6;
    private readonly FileDescriptor _context;
    private readonly string _type;

    private FileSystemContext(FileDescriptor context, string type)
    {
        _context = context;
        _type = type;
    }

    /// <returns>Null where the kernel (or a seccomp filter around us) has no fsopen.</returns>
    /// <exception cref="ErrnoException">ENODEV: no such file system. EPERM: not allowed to mount.</exception>
    public static FileSystemContext? TryOpen(string type)
    {
        FileDescriptor context = MountCalls.FsOpen(MountCalls.FsOpenNumber, type, CloseOnExec);
        if (!context.IsInvalid) return new(context, type);
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.ENOSYS ? null : throw new ErrnoException("fsopen", type, errno);
    }

    /// <param name="value">At most 255 bytes: the kernel refuses longer ones.</param>
    /// <returns>False when the file system does not know this parameter or value.</returns>
    public bool TrySet(string key, string value) => TryConfigure(SetString, key, value);

    /// <inheritdoc cref="TrySet(string, string)"/>
    public bool TrySet(string key) => TryConfigure(SetFlag, key, null);

    public void Set(string key, string value)
    {
        if (!TrySet(key, value)) throw Failure($"fsconfig {key}={value}", Errno.EINVAL);
    }

    /// <summary>Makes the file system and a mount of it that is attached nowhere: it goes when the fd does, until it is moved to its place.</summary>
    public DetachedMount Mount(MountAttributes attributes = MountAttributes.None)
    {
        if (MountCalls.FsConfig(MountCalls.FsConfigNumber, _context, Create, null, null, 0) < 0)
            throw Failure("fsconfig create", Marshal.GetLastPInvokeError());
        FileDescriptor mount = MountCalls.FsMount(MountCalls.FsMountNumber, _context, CloseOnExec, (nint)attributes);
        return mount.IsInvalid ? throw Failure("fsmount", Marshal.GetLastPInvokeError()) : new DetachedMount(mount, _type);
    }

    public void Dispose() => _context.Dispose();

    private bool TryConfigure(nint command, string key, string? value)
    {
        if (MountCalls.FsConfig(MountCalls.FsConfigNumber, _context, command, key, value, 0) == 0) return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno is Errno.EINVAL or Errno.EOPNOTSUPP ? false : throw Failure($"fsconfig {key}={value}", errno);
    }

    /// <summary>With what the kernel wrote into the context's log: lines as "e overlay: ...".</summary>
    private ErrnoException Failure(string call, int errno)
    {
        Span<byte> line = stackalloc byte[512];
        nint length = MountCalls.Read(_context, line, line.Length);
        string words = length > 2 ? Encoding.UTF8.GetString(line[2..(int)length]).Trim() : "";
        return new ErrnoException(call, words.Length > 0 ? $"{_type} ({words})" : _type, errno);
    }
}
