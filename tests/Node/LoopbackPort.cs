using System.Net;
using System.Net.Sockets;

namespace NativeKubelet.Tests.Node;

/// <summary>Ports for servers that somebody else starts later.</summary>
internal static class LoopbackPort
{
    // Below those that the kernel gives to connections (ip_local_port_range): none of them may take the port before its server does.
    // Above those that pods of churn tests have forwarded to them (from 20000).
    private const int First = 21000, Count = 10000;

    private static int _last = Random.Shared.Next(Count);

    /// <returns>One that nobody listens on, and that this process was not given before.</returns>
    public static int Free()
    {
        while (true)
        {
            int port = First + (int)((uint)Interlocked.Increment(ref _last) % Count);
            try
            {
                using TcpListener listener = new(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // the next one
            }
        }
    }
}
