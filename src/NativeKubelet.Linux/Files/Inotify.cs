using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Linux.Files;

/// <summary>What to be told of, and what one is told (inotify(7)).</summary>
[Flags]
public enum FileEvents : uint
{
    None = 0, Modified = 0x2, Attributes = 0x4, ClosedAfterWrite = 0x8, Opened = 0x20, MovedFrom = 0x40, MovedTo = 0x80, Created = 0x100, Deleted = 0x200,
    DeletedSelf = 0x400, MovedSelf = 0x800,
    /// <summary>The file system was unmounted; the watch is gone.</summary>
    Unmounted = 0x2000,
    /// <summary>The kernel dropped events: look at everything again. Comes with watch -1.</summary>
    Overflow = 0x4000,
    /// <summary>The watch has ended: removed, or its object is gone.</summary>
    Ended = 0x8000,
    OnlyDirectory = 0x01000000, DontFollow = 0x02000000, IsDirectory = 0x40000000,

    /// <summary>Every way in which the content of a directory changes for someone who reads whole files.</summary>
    Content = ClosedAfterWrite | MovedFrom | MovedTo | Created | Deleted | DeletedSelf | MovedSelf,
}

/// <param name="Watch">What <see cref="Inotify.Watch"/> returned; -1 for an overflow.</param>
/// <param name="Cookie">Joins the two halves of a rename.</param>
/// <param name="Name">In the watched directory; empty when the event is about the watched object itself.</param>
public readonly record struct FileEvent(int Watch, FileEvents Events, uint Cookie, string Name)
{
    private const int HeadLength = 16;

    /// <summary>Takes apart what one read of an inotify fd returned; a cut-off last event is left out.</summary>
    public static ImmutableArray<FileEvent> Parse(ReadOnlySpan<byte> data)
    {
        ImmutableArray<FileEvent>.Builder events = ImmutableArray.CreateBuilder<FileEvent>();
        while (data.Length >= HeadLength)
        {
            uint length = MemoryMarshal.Read<uint>(data[12..]);
            if (length > data.Length - HeadLength) break;
            ReadOnlySpan<byte> name = data.Slice(HeadLength, (int)length);
            int end = name.IndexOf((byte)0);
            events.Add(new(MemoryMarshal.Read<int>(data), MemoryMarshal.Read<FileEvents>(data[4..]), MemoryMarshal.Read<uint>(data[8..]),
                Encoding.UTF8.GetString(end < 0 ? name : name[..end])));
            data = data[(HeadLength + (int)length)..];
        }
        return events.ToImmutable();
    }
}

/// <summary>Watches of files and directories with one queue. Idle watches cost no thread and no wake-up.</summary>
public sealed partial class Inotify : IDisposable
{
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800;
    private readonly FileDescriptor _queue;
    private readonly byte[] _buffer = new byte[4096];

    /// <exception cref="ErrnoException">EMFILE: fs.inotify.max_user_instances is used up.</exception>
    public Inotify()
    {
        _queue = Init(CloseOnExec | NonBlocking);
        if (_queue.IsInvalid) throw ErrnoException.Last("inotify_init1", "queue");
    }

    /// <returns>The number that its events carry. Watching a path again changes what it is watched for.</returns>
    /// <exception cref="ErrnoException">ENOENT; ENOTDIR with OnlyDirectory; ENOSPC: fs.inotify.max_user_watches is used up.</exception>
    public int Watch(string path, FileEvents events)
    {
        int watch = AddWatch(_queue, path, (uint)events);
        return watch >= 0 ? watch : throw ErrnoException.Last("inotify_add_watch", path);
    }

    /// <summary>Ends a watch; one that has ended by itself is fine.</summary>
    public void Unwatch(int watch)
    {
        if (RemoveWatch(_queue, watch) < 0 && Marshal.GetLastPInvokeError() != Errno.EINVAL)
            throw ErrnoException.Last("inotify_rm_watch", $"watch {watch}");
    }

    /// <summary>Waits for events; at least one is returned. One caller at a time.</summary>
    public async Task<ImmutableArray<FileEvent>> ReadAsync(CancellationToken cancel)
    {
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            nint count = FileCalls.Read(_queue, _buffer, _buffer.Length);
            if (count > 0) return FileEvent.Parse(_buffer.AsSpan(0, (int)count));
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EAGAIN) await Readiness.Shared.ReadableAsync(_queue, cancel);
            else if (errno != Errno.EINTR) throw new ErrnoException("read", "inotify queue", errno);
        }
    }

    public void Dispose() => _queue.Dispose();

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    private static partial FileDescriptor Init(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddWatch(FileDescriptor queue, string path, uint mask);

    [LibraryImport("libc", EntryPoint = "inotify_rm_watch", SetLastError = true)]
    private static partial int RemoveWatch(FileDescriptor queue, int watch);
}
