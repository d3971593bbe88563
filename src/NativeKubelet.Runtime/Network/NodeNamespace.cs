using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Linux.Netlink;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// The network namespace that the node's own interfaces, rules and tunables are in: this program's, or another one that it is
/// told to see as the node's.
/// </summary>
public sealed class NodeNamespace(NetworkNamespace? other = null)
{
    private const string Tunables = "/proc/sys/net/";

    /// <summary>Sockets opened and programs started by <paramref name="work"/> belong to the node's namespace.</summary>
    public T Run<T>(Func<T> work) => other is null ? work() : other.Run(work);

    public RouteSocket OpenRoute() => Run(RouteSocket.Open);

    /// <param name="path">Below net, such as "ipv4/ip_forward".</param>
    /// <returns>Null where the kernel has no such tunable.</returns>
    public string? Tunable(string path) => Run(() => File.Exists(Tunables + path) ? File.ReadAllText(Tunables + path).Trim() : null);

    /// <returns>False when it had the value already.</returns>
    /// <exception cref="IOException">It cannot be written: a read-only /proc/sys.</exception>
    public bool SetTunable(string path, string value) => Run(() =>
    {
        if (File.ReadAllText(Tunables + path).Trim() == value) return false;
        File.WriteAllText(Tunables + path, value);
        return true;
    });
}
