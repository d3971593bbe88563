using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Linux.Sockets;

public sealed partial class SeqPacketSocket
{
    /// <summary>Lets others connect to a bound socket; from here on they see this process as the peer.</summary>
    public void Listen(int backlog)
    {
        if (Listen(Descriptor, backlog) < 0) throw ErrnoException.Last("listen", $"fd {Descriptor.Number}");
    }

    /// <summary>Waits for the next connection. One caller at a time.</summary>
    /// <exception cref="ErrnoException">EMFILE, ENFILE: no fd is free; the connection stays in the queue.</exception>
    public async Task<SeqPacketSocket> AcceptAsync(CancellationToken cancel)
    {
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            FileDescriptor fd = Accept(Descriptor, 0, 0, CloseOnExec | NonBlocking);
            if (!fd.IsInvalid) return new SeqPacketSocket(fd);
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EAGAIN) await Readiness.Shared.ReadableAsync(Descriptor, cancel);
            // ECONNABORTED: the other side has gone again already.
            else if (errno is not (Errno.EINTR or 103)) throw new ErrnoException("accept4", $"fd {Descriptor.Number}", errno);
        }
    }

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(FileDescriptor fd, int backlog);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial FileDescriptor Accept(FileDescriptor fd, nint address, nint length, int flags);
}
