using System.Buffers;
using System.Runtime.InteropServices;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Linux.Netlink;

/// <summary>The kernel subsystems that are spoken with here.</summary>
public enum NetlinkProtocol { Route = 0, Netfilter = 12 }

/// <summary>Takes one message of an answer or notification.</summary>
public delegate void NetlinkReceiver(NetlinkMessage message);

/// <summary>
/// A netlink socket. It belongs for ever to the network namespace of the thread that opened it, whichever threads use it later.
/// The kernel works on a request while it is being sent, so requests are synchronous; one at a time.
/// </summary>
public sealed partial class NetlinkSocket : IDisposable
{
    private const int Family = 16, Raw = 3, CloseOnExec = 0x80000;
    private const int SocketLevel = 1, ReceiveTimeout = 20, ForceSendBuffer = 32, ForceReceiveBuffer = 33;
    private const int NetlinkLevel = 270, ExtendedAcknowledge = 11;
    private const int DontWait = 0x40, BufferSize = 64 * 1024, NoBufferSpace = 105;
    private const int SendBuffer = 8 << 20, DumpTries = 8;

    private readonly FileDescriptor _socket;
    private readonly Lock _turn = new();
    private readonly string _name;
    private uint _sequence;

    private NetlinkSocket(FileDescriptor socket, uint port, string name) => (_socket, PortId, _name) = (socket, port, name);

    /// <summary>How notifications name the requests of this socket.</summary>
    public uint PortId { get; }

    /// <param name="groups">Bit mask of multicast groups to listen to; 0 for requests.</param>
    /// <exception cref="ErrnoException">EPROTONOSUPPORT: the kernel lacks the subsystem.</exception>
    public static unsafe NetlinkSocket Open(NetlinkProtocol protocol, uint groups = 0)
    {
        string name = $"netlink {protocol.ToString().ToLowerInvariant()}";
        FileDescriptor socket = Socket(Family, Raw | CloseOnExec, (int)protocol);
        if (socket.IsInvalid) throw ErrnoException.Last("socket", name);
        try
        {
            int on = 1;
            long* timeout = stackalloc long[2] { 10, 0 };
            // Wishes: an old kernel does not explain its errors, an unprivileged program gets the usual buffers.
            _ = SetOption(socket, NetlinkLevel, ExtendedAcknowledge, &on, sizeof(int));
            int buffer = SendBuffer;
            _ = SetOption(socket, SocketLevel, ForceSendBuffer, &buffer, sizeof(int));
            _ = SetOption(socket, SocketLevel, ForceReceiveBuffer, &buffer, sizeof(int));
            if (SetOption(socket, SocketLevel, ReceiveTimeout, timeout, 16) < 0) throw ErrnoException.Last("setsockopt(SO_RCVTIMEO)", name);
            Address address = new() { Family = Family, Groups = groups };
            if (Bind(socket, ref address, sizeof(Address)) < 0) throw ErrnoException.Last("bind", name);
            int length = sizeof(Address);
            if (GetName(socket, ref address, ref length) < 0) throw ErrnoException.Last("getsockname", name);
            return new NetlinkSocket(socket, address.Port, name);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends one request and waits for its acknowledgement.</summary>
    /// <param name="build">Writes the message with the sequence number that it is given; Request and Acknowledge set.</param>
    /// <param name="what">Call and object for the message of a failure, such as "RTM_NEWLINK nk0".</param>
    /// <param name="answer">Takes messages that come before the acknowledgement.</param>
    /// <exception cref="ErrnoException">The kernel refused; the message holds its explanation where it gave one.</exception>
    public void Request(Action<NetlinkWriter, uint> build, string what, NetlinkReceiver? answer = null)
    {
        lock (_turn)
        {
            uint sequence = ++_sequence;
            NetlinkWriter writer = new();
            build(writer, sequence);
            writer.End();
            Send(writer.Written, what);
            Receive(sequence, sequence, what, answer);
        }
    }

    /// <summary>Sends a batch whose last message asks for an acknowledgement. Either all of it is done, or nothing.</summary>
    /// <param name="build">Gets the first sequence number, returns the last it used.</param>
    /// <exception cref="ErrnoException">The first refusal.</exception>
    public void Batch(Func<NetlinkWriter, uint, uint> build, string what)
    {
        lock (_turn)
        {
            uint first = _sequence + 1;
            NetlinkWriter writer = new();
            _sequence = build(writer, first);
            writer.End();
            Send(writer.Written, what);
            Receive(first, _sequence, what, null);
        }
    }

    /// <summary>Asks for a listing; a listing that was disturbed by a change is asked for again.</summary>
    /// <param name="start">Called before each attempt, to forget what an earlier one brought.</param>
    public void Dump(Action<NetlinkWriter, uint> build, string what, Action start, NetlinkReceiver item)
    {
        lock (_turn)
        {
            for (int tries = 1; ; tries++)
            {
                start();
                uint sequence = ++_sequence;
                NetlinkWriter writer = new();
                build(writer, sequence);
                writer.End();
                Send(writer.Written, what);
                // A table that never comes to rest (conntrack on a busy router) is read as well as it can be.
                if (!Receive(sequence, sequence, what, item) || tries == DumpTries) return;
            }
        }
    }

    /// <summary>Waits for notifications and hands over one datagram's messages. One caller at a time.</summary>
    /// <returns>False when notifications were lost: look at everything again.</returns>
    public async Task<bool> ListenAsync(NetlinkReceiver receive, CancellationToken cancel)
    {
        await Readiness.Shared.ReadableAsync(_socket, cancel);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            nint count = ReceiveDatagram(buffer, DontWait, out int errno);
            if (count < 0) return errno is Errno.EAGAIN or Errno.EINTR ? true : errno == NoBufferSpace ? false : throw new ErrnoException("recvfrom", _name, errno);
            foreach (NetlinkMessage message in new NetlinkMessages(buffer.AsSpan(0, (int)count))) receive(message);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public void Dispose() => _socket.Dispose();

    private void Send(ReadOnlySpan<byte> data, string what)
    {
        nint sent;
        do sent = SendData(_socket, data, data.Length, 0);
        while (sent < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
        if (sent < 0) throw ErrnoException.Last("netlink", what);
    }

    /// <returns>True when a listing was disturbed.</returns>
    private bool Receive(uint first, uint last, string what, NetlinkReceiver? receive)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        bool disturbed = false;
        try
        {
            while (true)
            {
                nint count = ReceiveDatagram(buffer, 0, out int errno);
                if (count < 0 && errno == Errno.EINTR) continue;
                if (count < 0) throw new ErrnoException("netlink", what, errno == Errno.EAGAIN ? Errno.ETIMEDOUT : errno);
                foreach (NetlinkMessage message in new NetlinkMessages(buffer.AsSpan(0, (int)count)))
                {
                    // Left from a request that was given up; unsigned distance, as numbers wrap around.
                    if (message.Sequence - first > last - first) continue;
                    disturbed |= message.Flags.HasFlag(NetlinkFlags.DumpInterrupted);
                    if (message.Type is NetlinkMessage.Error or NetlinkMessage.Done)
                    {
                        if (message.Errno != 0) throw Refusal(what, message);
                        if (message.Sequence == last) return disturbed;
                    }
                    else if (message.Type != NetlinkMessage.NoOperation) receive?.Invoke(message);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static ErrnoException Refusal(string what, NetlinkMessage message) =>
        new("netlink", message.Explanation is { Length: > 0 } words ? $"{what} (\"{words}\")" : what, message.Errno);

    /// <returns>-1 and the errno; datagrams of other processes are passed over.</returns>
    private unsafe nint ReceiveDatagram(byte[] buffer, int flags, out int errno)
    {
        while (true)
        {
            Address from = default;
            int length = sizeof(Address);
            nint count = ReceiveFrom(_socket, buffer, BufferSize, flags, ref from, ref length);
            errno = count < 0 ? Marshal.GetLastPInvokeError() : 0;
            if (count < 0 || from.Port == 0) return count;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Address
    {
        public ushort Family;
        public ushort Padding;
        public uint Port;
        public uint Groups;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial FileDescriptor Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(FileDescriptor socket, ref Address address, int length);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    private static partial int GetName(FileDescriptor socket, ref Address address, ref int length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static unsafe partial int SetOption(FileDescriptor socket, int level, int option, void* value, int length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint SendData(FileDescriptor socket, ReadOnlySpan<byte> data, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "recvfrom", SetLastError = true)]
    private static partial nint ReceiveFrom(FileDescriptor socket, [Out] byte[] buffer, nint length, int flags, ref Address from, ref int fromLength);
}
