using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Linux.Sockets;

/// <summary>Who made the other end (SO_PEERCRED, unix(7)); for a connected socket the process that called listen.</summary>
public readonly record struct PeerCredentials(int Pid, uint Uid, uint Gid);

/// <summary>One packet. The receiver owns the fds.</summary>
/// <param name="Length">0: the other end has closed.</param>
public readonly record struct Packet(int Length, ImmutableArray<FileDescriptor> Descriptors);

/// <summary>
/// A local socket that keeps message borders and carries fds (unix(7), SOCK_SEQPACKET, SCM_RIGHTS). Always a file, never
/// in the abstract name space, which every hostNetwork pod can reach (CVE-2020-15257). One sender and one receiver at a time.
/// </summary>
public sealed partial class SeqPacketSocket : IDisposable
{
    /// <summary>Most fds in one packet, by our own rule (the kernel's is 253).</summary>
    public const int MaxDescriptors = 16;

    private const int Unix = 1, SeqPacket = 5, CloseOnExec = 0x80000, NonBlocking = 0x800;
    private const int SocketLevel = 1, PeerCred = 17, Rights = 1, PathMax = 107;
    private const int NoSignal = 0x4000, CmsgCloseOnExec = 0x40000000, Truncated = 0x20, ControlTruncated = 0x08;
    private const int ControlHeader = 16;       // cmsghdr on 64-bit machines

    private SeqPacketSocket(FileDescriptor fd) => Descriptor = fd;

    public FileDescriptor Descriptor { get; }

    /// <summary>Makes the file, mode 0600, but does not listen: the process that will serve does, and thus signs as the peer.</summary>
    public static unsafe SeqPacketSocket Bind(string path)
    {
        SeqPacketSocket socket = Create();
        try
        {
            // The mode counts before bind: between bind and a chmod of the file anyone could connect.
            if (Fchmod(socket.Descriptor, 0x180) < 0) throw ErrnoException.Last("fchmod", path);
            WithAddress(path, (address, length) => BindTo(socket.Descriptor, address, length), "bind");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <exception cref="ErrnoException">ENOENT: no such socket. ECONNREFUSED: nobody listens any more.</exception>
    public static unsafe SeqPacketSocket Connect(string path)
    {
        SeqPacketSocket socket = Create();
        try
        {
            WithAddress(path, (address, length) => ConnectTo(socket.Descriptor, address, length), "connect");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static unsafe (SeqPacketSocket One, SeqPacketSocket Other) Pair()
    {
        int* ends = stackalloc int[2];
        if (SocketPair(Unix, SeqPacket | CloseOnExec | NonBlocking, 0, ends) < 0) throw ErrnoException.Last("socketpair", "seqpacket");
        return (new SeqPacketSocket(new FileDescriptor(ends[0])), new SeqPacketSocket(new FileDescriptor(ends[1])));
    }

    public unsafe PeerCredentials Peer
    {
        get
        {
            int* credentials = stackalloc int[3];
            int length = 3 * sizeof(int);
            if (GetOption(Descriptor, SocketLevel, PeerCred, credentials, &length) < 0)
                throw ErrnoException.Last("getsockopt(SO_PEERCRED)", $"fd {Descriptor.Number}");
            return new PeerCredentials(credentials[0], (uint)credentials[1], (uint)credentials[2]);
        }
    }

    /// <summary>Sends one whole packet; waits while the other end's queue is full. The fds stay the caller's.</summary>
    /// <exception cref="ErrnoException">EPIPE, ECONNRESET: the other end is gone.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> data, IReadOnlyList<SafeHandle> descriptors, CancellationToken cancel)
    {
        while (!TrySend(data.Span, descriptors)) await Readiness.Shared.WritableAsync(Descriptor, cancel);
    }

    /// <summary>Receives one packet. A packet that does not fit whole is an error, never half a message.</summary>
    public async Task<Packet> ReceiveAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        while (true)
        {
            if (TryReceive(buffer.Span) is { } packet) return packet;
            await ReadableAsync(cancel);
        }
    }

    /// <summary>Completes when <see cref="TryReceive"/> has something to tell.</summary>
    public Task ReadableAsync(CancellationToken cancel) => Readiness.Shared.ReadableAsync(Descriptor, cancel);

    /// <summary>Ends the connection for both sides; a pending receive sees the end.</summary>
    public void Shutdown() => _ = Shutdown(Descriptor, 2);

    // No shutdown here: it would end a listening socket that another process has inherited.
    public void Dispose() => Descriptor.Dispose();

    private unsafe bool TrySend(ReadOnlySpan<byte> data, IReadOnlyList<SafeHandle> descriptors)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Count, MaxDescriptors);
        byte* control = stackalloc byte[ControlHeader + MaxDescriptors * sizeof(int)];
        int held = 0;
        fixed (byte* bytes = data)
        {
            IoVector vector = new() { Base = bytes, Length = data.Length };
            MessageHeader header = new() { Vectors = &vector, VectorCount = 1 };
            try
            {
                for (; held < descriptors.Count; held++)
                {
                    bool added = false;
                    descriptors[held].DangerousAddRef(ref added);
                    ((int*)(control + ControlHeader))[held] = (int)descriptors[held].DangerousGetHandle();
                }
                if (held > 0)
                {
                    *(nint*)control = ControlHeader + held * sizeof(int);
                    ((int*)control)[2] = SocketLevel;
                    ((int*)control)[3] = Rights;
                    header.Control = control;
                    header.ControlLength = (ControlHeader + held * sizeof(int) + 7) & ~7;
                }
                if (SendMessage(Descriptor, &header, NoSignal) >= 0) return true;
                int errno = Marshal.GetLastPInvokeError();
                return errno is Errno.EAGAIN or Errno.EINTR ? false : throw new ErrnoException("sendmsg", $"fd {Descriptor.Number}", errno);
            }
            finally
            {
                for (int i = 0; i < held; i++) descriptors[i].DangerousRelease();
            }
        }
    }

    /// <summary>As <see cref="ReceiveAsync"/>, but null when there is no packet yet.</summary>
    public unsafe Packet? TryReceive(Span<byte> buffer)
    {
        byte* control = stackalloc byte[ControlHeader + MaxDescriptors * sizeof(int)];
        fixed (byte* bytes = buffer)
        {
            IoVector vector = new() { Base = bytes, Length = buffer.Length };
            MessageHeader header = new()
            {
                Vectors = &vector,
                VectorCount = 1,
                Control = control,
                ControlLength = ControlHeader + MaxDescriptors * sizeof(int),
            };
            nint length = ReceiveMessage(Descriptor, &header, CmsgCloseOnExec);
            if (length < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                return errno switch
                {
                    Errno.EAGAIN or Errno.EINTR => null,
                    Errno.ECONNRESET => new Packet(0, []),
                    _ => throw new ErrnoException("recvmsg", $"fd {Descriptor.Number}", errno),
                };
            }
            ImmutableArray<FileDescriptor> descriptors = Descriptors(control, header.ControlLength);
            if ((header.Flags & (Truncated | ControlTruncated)) == 0) return new Packet((int)length, descriptors);
            foreach (FileDescriptor fd in descriptors) fd.Dispose();
            throw new InvalidDataException($"a packet larger than {buffer.Length} bytes or {MaxDescriptors} fds arrived");
        }
    }

    private static unsafe ImmutableArray<FileDescriptor> Descriptors(byte* control, nint length)
    {
        if (length < ControlHeader || ((int*)control)[2] != SocketLevel || ((int*)control)[3] != Rights) return [];
        int count = (int)(*(nint*)control - ControlHeader) / sizeof(int);
        FileDescriptor[] result = new FileDescriptor[count];
        for (int i = 0; i < count; i++) result[i] = new FileDescriptor(((int*)(control + ControlHeader))[i]);
        return ImmutableCollectionsMarshal.AsImmutableArray(result);
    }

    private static SeqPacketSocket Create()
    {
        FileDescriptor fd = NewSocket(Unix, SeqPacket | CloseOnExec | NonBlocking, 0);
        return fd.IsInvalid ? throw ErrnoException.Last("socket", "AF_UNIX") : new SeqPacketSocket(fd);
    }

    private unsafe delegate int AddressCall(byte* address, int length);

    /// <summary>sun_path holds 107 bytes; a deeper file is reached through its directory's fd.</summary>
    private static unsafe void WithAddress(string path, AddressCall call, string name)
    {
        FileDescriptor? directory = null;
        try
        {
            string reach = path;
            if (Encoding.UTF8.GetByteCount(path) > PathMax)
            {
                const int pathOnly = 0x200000, isDirectory = 0x10000;       // O_PATH; O_DIRECTORY differs on arm64
                int flags = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : isDirectory;
                directory = Open(Path.GetDirectoryName(path)!, pathOnly | flags | CloseOnExec);
                if (directory.IsInvalid) throw ErrnoException.Last("open", Path.GetDirectoryName(path)!);
                reach = $"{directory.ProcPath}/{Path.GetFileName(path)}";
            }
            byte[] bytes = Encoding.UTF8.GetBytes(reach);
            if (bytes.Length > PathMax) throw new ErrnoException(name, path, Errno.ENAMETOOLONG);
            byte* address = stackalloc byte[2 + PathMax + 1];
            new Span<byte>(address, 2 + PathMax + 1).Clear();
            *(ushort*)address = Unix;
            bytes.CopyTo(new Span<byte>(address + 2, PathMax));
            if (call(address, 2 + bytes.Length + 1) < 0) throw ErrnoException.Last(name, path);
        }
        finally
        {
            directory?.Dispose();
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct IoVector
    {
        public byte* Base;
        public nint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct MessageHeader
    {
        public void* Name;
        public nint NameLength;
        public IoVector* Vectors;
        public nint VectorCount;
        public byte* Control;
        public nint ControlLength;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial FileDescriptor NewSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static unsafe partial int SocketPair(int family, int type, int protocol, int* ends);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static unsafe partial int BindTo(FileDescriptor fd, byte* address, int length);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static unsafe partial int ConnectTo(FileDescriptor fd, byte* address, int length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static unsafe partial int GetOption(FileDescriptor fd, int level, int name, void* value, int* length);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static unsafe partial nint SendMessage(FileDescriptor fd, MessageHeader* header, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static unsafe partial nint ReceiveMessage(FileDescriptor fd, MessageHeader* header, int flags);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    private static partial int Shutdown(FileDescriptor fd, int how);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int Fchmod(FileDescriptor fd, uint mode);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial FileDescriptor Open(string path, int flags);
}
