using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using NativeKubelet.Config;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Netlink;

namespace NativeKubelet.Composition;

/// <summary>Who this node is: its name, the machine's own name, and the addresses that pods are told of.</summary>
/// <param name="Problem">Why there is no address, or what is doubtful about it; null if all is well.</param>
internal sealed record NodeIdentity(string Name, string Hostname, ImmutableArray<IPAddress> Addresses, string? Problem)
{
    public static NodeIdentity Read(NodeOptions options)
    {
        string hostname = File.ReadAllText("/proc/sys/kernel/hostname").Trim();
        string name = options.HostnameOverride ?? hostname.ToLowerInvariant();
        using RouteSocket routes = RouteSocket.Open();
        ImmutableArray<InterfaceAddress> own = routes.Addresses();
        HashSet<int> outward = [.. routes.Routes().Where(r => r.IsDefault && r.Table == NetworkRoute.MainTable).Select(r => r.Interface)];
        NodeAddresses chosen = NodeAddresses.Choose(new(
            [.. options.Addresses], name, LookUp(name), [.. own.Select(a => a.Address)],
            [.. own.Where(a => a.Global && outward.Contains(a.Interface)).Select(a => a.Address)]));
        return new(name, hostname, chosen.Addresses, chosen.Problem);
    }

    /// <summary>The hosts file alone: asking a name server could hold the start up for as long as the network is down.</summary>
    private static ImmutableArray<IPAddress> LookUp(string name)
    {
        if (!File.Exists("/etc/hosts")) return [];
        return
        [
            .. from line in File.ReadLines("/etc/hosts")
               let words = line.Split('#')[0].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)
               where words.Length > 1 && words.Skip(1).Contains(name, StringComparer.OrdinalIgnoreCase)
               let address = IPAddress.TryParse(words[0], out IPAddress? parsed) ? parsed : null
               where address?.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6
               select address,
        ];
    }
}
