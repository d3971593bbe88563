using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Processes;

/// <summary>
/// Turns "this fd became readable" into a task. One thread sleeps in one epoll_wait for all pidfds, holder sockets and
/// pipes of the program, so that a hundred idle pods cost one sleeping thread and no wake-ups.
/// </summary>
public sealed partial class Readiness
{
    private const int MaxEvents = 64, CloseOnExec = 0x80000, OneShot = 1 << 30, Add = 1, Delete = 2, DuplicateFd = 1030;

    private static readonly Lazy<Readiness> Instance = new(() => new Readiness());

    // The kernel packs the structure on x86-64 only (epoll_ctl(2)).
    private static readonly bool Packed = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private static readonly int EventSize = Packed ? 12 : 16;
    private static readonly int DataOffset = Packed ? 4 : 8;

    private readonly FileDescriptor _epoll;
    private readonly ConcurrentDictionary<long, Waiter> _waiters = new();
    private long _lastToken;

    private Readiness()
    {
        _epoll = EpollCreate(CloseOnExec);
        if (_epoll.IsInvalid) throw ErrnoException.Last("epoll_create1", "readiness");
        new Thread(Loop, maxStackSize: 256 * 1024) { IsBackground = true, Name = "readiness" }.Start();
    }

    public static Readiness Shared => Instance.Value;

    /// <summary>Completes when a read on <paramref name="fd"/> would not block: data, end of file, or an error to be read.</summary>
    public Task ReadableAsync(SafeHandle fd, CancellationToken cancel) => WaitAsync(fd, events: 0x001, cancel);

    /// <summary>Completes when a write on <paramref name="fd"/> would not block, or would fail at once.</summary>
    public Task WritableAsync(SafeHandle fd, CancellationToken cancel) => WaitAsync(fd, events: 0x004, cancel);

    private async Task WaitAsync(SafeHandle fd, int events, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        // A duplicate of its own per wait: the same fd may be waited for twice, and the owner may close his meanwhile.
        using FileDescriptor own = Duplicate(fd, DuplicateFd, 3);
        if (own.IsInvalid) throw ErrnoException.Last("fcntl(F_DUPFD_CLOEXEC)", "readiness");

        long token = Interlocked.Increment(ref _lastToken);
        Waiter waiter = new();
        _waiters[token] = waiter;
        try
        {
            if (Control(Add, own, events | OneShot, token) < 0) throw ErrnoException.Last("epoll_ctl(ADD)", $"fd {own.Number}");
            await using (cancel.UnsafeRegister(static (state, token) => ((Waiter)state!).TrySetCanceled(token), waiter))
                await waiter.Task;
        }
        finally
        {
            _waiters.TryRemove(token, out _);
            _ = Control(Delete, own, 0, 0);
        }
    }

    private unsafe void Loop()
    {
        byte* events = stackalloc byte[MaxEvents * EventSize];
        while (true)
        {
            int count = EpollWait(_epoll, events, MaxEvents, -1);
            if (count < 0 && Marshal.GetLastPInvokeError() != Errno.EINTR)
                Environment.FailFast(ErrnoException.Last("epoll_wait", "readiness").Message);
            for (int i = 0; i < count; i++)
            {
                long token = Marshal.ReadInt64((nint)(events + i * EventSize), DataOffset);
                if (_waiters.TryGetValue(token, out Waiter? waiter)) waiter.TrySetResult();
            }
        }
    }

    private unsafe int Control(int operation, FileDescriptor fd, int events, long token)
    {
        byte* packet = stackalloc byte[16];
        Marshal.WriteInt32((nint)packet, events);
        Marshal.WriteInt64((nint)packet, DataOffset, token);
        return EpollControl(_epoll, operation, fd, packet);
    }

    private sealed class Waiter() : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial FileDescriptor EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static unsafe partial int EpollControl(FileDescriptor epoll, int operation, FileDescriptor fd, byte* data);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static unsafe partial int EpollWait(FileDescriptor epoll, byte* events, int count, int timeout);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial FileDescriptor Duplicate(SafeHandle fd, int command, nint lowest);
}
