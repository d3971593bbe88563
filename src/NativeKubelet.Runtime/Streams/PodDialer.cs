using System.Net;
using System.Net.Sockets;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Runtime.Streams;

/// <summary>
/// Connects to what listens on a pod's own loopback. Only the socket is made inside the pod's network namespace, on a thread
/// that ends with that; a socket stays where it was made.
/// </summary>
internal sealed class PodDialer(RuntimePaths paths)
{
    private const string Failed = "PortForwardFailed";

    /// <exception cref="RuntimeException">Nothing listens, or the sandbox is gone.</exception>
    public async Task<Socket> DialAsync(SandboxRecord sandbox, int port, CancellationToken cancel)
    {
        List<string> refusals = [];
        foreach (IPAddress address in (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback])
        {
            Socket? socket = null;
            try
            {
                socket = Open(sandbox, address.AddressFamily);
                await socket.ConnectAsync(new IPEndPoint(address, port), cancel);
                return socket;
            }
            catch (SocketException e)
            {
                socket?.Dispose();
                refusals.Add($"{address}: {e.Message}");
            }
            catch (ErrnoException e)
            {
                throw new RuntimeException(Failed, $"the network of sandbox {sandbox.Id} cannot be entered: {e.Message}", e);
            }
            catch
            {
                socket?.Dispose();
                throw;
            }
        }
        throw new RuntimeException(Failed, $"failed to connect to localhost:{port} inside the pod: {string.Join("; ", refusals)}");
    }

    private Socket Open(SandboxRecord sandbox, AddressFamily family)
    {
        if (sandbox.HostNetwork) return New(family);
        using NetworkNamespace network = NetworkNamespace.Open(paths.NetworkNamespace(sandbox.Id));
        return network.Run(() => New(family));
    }

    private static Socket New(AddressFamily family) => new(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
}
