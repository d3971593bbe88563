using System.Net;
using System.Net.Sockets;
using NativeKubelet.Runtime;

namespace NativeKubelet.Probes;

/// <summary>Connections of probes and hooks: from the host's network, and gone soon after they are closed.</summary>
internal static class ProbeSocket
{
    /// <exception cref="SocketException">With the peer's or the network's refusal.</exception>
    public static async Task<Socket> ConnectAsync(string host, int port, CancellationToken cancel)
    {
        IPAddress address = IPAddress.TryParse(host, out IPAddress? literal) ? literal : (await Dns.GetHostAddressesAsync(host, cancel))[0];
        Socket socket = New(address.AddressFamily);
        try
        {
            // Not a minute of TIME_WAIT for each of a hundred probes a second, and no reset either.
            socket.LingerState = new LingerOption(true, 1);
            await socket.ConnectAsync(new IPEndPoint(address, port), cancel);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static Socket New(AddressFamily family)
    {
        try
        {
            return new(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        }
        catch (SocketException e)
        {
            // No more descriptors, or no such family on this machine: says nothing of the peer.
            throw new RuntimeException("ProbeError", $"socket: {e.Message}", e);
        }
    }

    /// <summary>The failure as users know it from the original.</summary>
    public static string Words(SocketException fault, string authority) => fault.SocketErrorCode switch
    {
        SocketError.TimedOut => $"dial tcp {authority}: i/o timeout",
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => $"dial tcp: lookup {authority}: no such host",
        SocketError.ConnectionRefused => $"dial tcp {authority}: connect: connection refused",
        SocketError.HostUnreachable => $"dial tcp {authority}: connect: no route to host",
        SocketError.NetworkUnreachable => $"dial tcp {authority}: connect: network is unreachable",
        _ => $"dial tcp {authority}: connect: {fault.Message}",
    };
}
