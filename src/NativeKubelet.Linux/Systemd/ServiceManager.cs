using System.Net.Sockets;
using System.Text;

namespace NativeKubelet.Linux.Systemd;

/// <summary>
/// Tells the service manager how this process fares (sd_notify(3)): one datagram to the socket that it named. Whoever starts
/// other programs must not hand its address on: they could speak in this one's name.
/// </summary>
/// <param name="address">NOTIFY_SOCKET: a path, or "@name" in the abstract name space; null or empty: nobody listens.</param>
public sealed class ServiceManager(string? address)
{
    public const string Ready = "READY=1", Stopping = "STOPPING=1", Watchdog = "WATCHDOG=1";

    private readonly UnixDomainSocketEndPoint? _listener = Endpoint(address);

    public bool Listens => _listener is not null;

    /// <summary>Never waits and never fails: a service manager that does not listen must not hold up pods.</summary>
    /// <param name="lines">"NAME=value" each.</param>
    /// <returns>Whether it was sent.</returns>
    public bool TryTell(params ReadOnlySpan<string> lines)
    {
        if (_listener is null) return false;
        try
        {
            using Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            socket.SendTo(Encoding.UTF8.GetBytes(string.Join('\n', lines!)), _listener);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static UnixDomainSocketEndPoint? Endpoint(string? address)
    {
        try
        {
            return address switch
            {
                ['/', ..] => new(address),
                ['@', .. { Length: > 0 } name] => new("\0" + name),
                _ => null,      // "vsock:" and others (systemd 253) are for whole machines
            };
        }
        catch (ArgumentException)
        {
            return null;        // longer than an address can be
        }
    }
}
