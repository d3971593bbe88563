using System.Net.Sockets;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Server.Local;

/// <summary>Stream sockets that are files: how long their paths may be, and who is at the other end.</summary>
internal static class UnixListener
{
    /// <summary>
    /// Listens on DIRECTORY/NAME. A file left by an agent that died is replaced: the caller holds the lock on the directory's
    /// agent. The address goes through the directory's fd, as sun_path holds 107 bytes; keep the directory open meanwhile.
    /// </summary>
    public static Socket Listen(DirectoryHandle directory, string name, int backlog)
    {
        directory.Unlink(name);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // The directory is 0700 (spec 60 rule 13): nobody connects before the mode below is set.
            socket.Bind(new UnixDomainSocketEndPoint($"{directory.Descriptor.ProcPath}/{name}"));
            directory.SetMode(name, 0x180);     // 0600
            socket.Listen(backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static uint PeerUid(Socket peer)
    {
        const int socketLevel = 1, peerCredentials = 17;     // SOL_SOCKET, SO_PEERCRED: pid, uid, gid
        Span<byte> credentials = stackalloc byte[12];
        peer.GetRawSocketOption(socketLevel, peerCredentials, credentials);
        return BitConverter.ToUInt32(credentials[4..]);
    }
}
