using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

/// <summary>
/// Exclusive ownership of a directory's state by one process (flock(2)). The kernel lets go of it when the process ends,
/// however it ends. The file stays; it names the last holder.
/// </summary>
public sealed class FileLock : IDisposable
{
    private const int Shared = 1, Exclusive = 2, NonBlocking = 4, Unlock = 8;
    private readonly FileDescriptor _file;

    private FileLock(FileDescriptor file) => _file = file;

    /// <param name="holder">When it is taken: the pid that its holder wrote, 0 if it can't be read.</param>
    /// <returns>Null when another holds it.</returns>
    public static FileLock? TryTake(string path, out int holder)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/");
        FileDescriptor file = directory.OpenFile(Path.GetFileName(path), OpenFlags.ReadWrite | OpenFlags.Create, 0x180);
        try
        {
            if (FileCalls.Lock(file, Exclusive | NonBlocking) == 0)
            {
                OpenedFile.SetSize(file, 0, path);
                OpenedFile.Write(file, Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"), path);
                holder = Environment.ProcessId;
                return new FileLock(file);
            }
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.EAGAIN) throw new ErrnoException("flock", path, errno);

            Span<byte> text = stackalloc byte[16];
            text = text[..OpenedFile.Read(file, text, path)];
            _ = int.TryParse(text.TrimEnd((byte)'\n'), NumberStyles.None, CultureInfo.InvariantCulture, out holder);
            file.Dispose();
            return null;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Waits until nobody else holds a file of somebody's choosing, whose content is not ours to change.</summary>
    /// <param name="cancel">Gives up waiting; the thread that waits in the kernel ends with the lock's holder, or with this process.</param>
    public static async Task<FileLock> WaitAsync(string path, CancellationToken cancel)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/");
        FileDescriptor file = directory.OpenFile(Path.GetFileName(path), OpenFlags.ReadWrite | OpenFlags.Create, 0x180);
        if (FileCalls.Lock(file, Exclusive | NonBlocking) == 0) return new FileLock(file);
        // The kernel tells of a free lock only whoever waits in the call itself.
        Task<int> waiting = Task.Factory.StartNew(
            () => FileCalls.Lock(file, Exclusive) == 0 ? 0 : Marshal.GetLastPInvokeError(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        int errno = await waiting.WaitAsync(cancel);
        if (errno == 0) return new FileLock(file);
        file.Dispose();
        throw new ErrnoException("flock", path, errno);
    }

    /// <summary>Somebody holds it at this moment. Looking changes nothing.</summary>
    /// <exception cref="ErrnoException">ENOENT: there is no such file.</exception>
    public static bool IsHeld(string path)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/");
        using FileDescriptor file = directory.OpenFile(Path.GetFileName(path), OpenFlags.Read);
        if (FileCalls.Lock(file, Shared | NonBlocking) == 0) return false;
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.EAGAIN ? true : throw new ErrnoException("flock", path, errno);
    }

    /// <summary>Lets go at once: closing alone would leave it to whatever child has a copy of the descriptor until it executes its program.</summary>
    public void Dispose()
    {
        if (!_file.IsClosed) _ = FileCalls.Lock(_file, Unlock);
        _file.Dispose();
    }
}
