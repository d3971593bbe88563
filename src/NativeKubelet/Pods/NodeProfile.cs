using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using NativeKubelet.Core.Network;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Pods;

/// <summary>What the pods of a node are told of it, and are judged by.</summary>
/// <param name="Facts">Name and labels.</param>
/// <param name="Hostname">The machine's own, which pods on its network see.</param>
/// <param name="Ips">hostIPs: at most one per family, the primary first.</param>
/// <param name="MemoryBytes">MemTotal.</param>
/// <param name="ResolvConf">The file that pods with dnsPolicy Default inherit; empty: none.</param>
public sealed record NodeProfile(
    NodeFacts Facts, string Hostname, ValueList<string> Ips, long MemoryBytes, string ClusterDomain, ImmutableArray<IPAddress> ClusterDns, string ResolvConf)
{
    private const string Standard = "/etc/resolv.conf";

    /// <summary>What of the node pods may use, which containers without limits are told.</summary>
    public ResourceAmounts Allocatable { get; init; } = ResourceAmounts.None;

    /// <summary>What systemd-resolved asks itself; the standard file then names only a stub on the machine's loopback.</summary>
    private const string BehindStub = "/run/systemd/resolve/resolv.conf";

    /// <summary>The resolver's view at this moment: DHCP may have changed the file since the last pod.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public NodeDns ReadDns()
    {
        bool ipv6 = Ips.Count > 0 && IPAddress.TryParse(Ips[0], out IPAddress? primary) && primary.AddressFamily == AddressFamily.InterNetworkV6;
        return new(ClusterDns, ClusterDomain, ResolvConf.Length == 0 ? null : HostFile(), ipv6);
    }

    private string HostFile()
    {
        string text = Read(ResolvConf);
        // A pod has a loopback of its own, on which nobody would answer.
        return ResolvConf == Standard && PodDns.OnlyLoopback(Core.Network.ResolvConf.Parse(text)) && File.Exists(BehindStub) ? Read(BehindStub) : text;
    }

    private static string Read(string path)
    {
        if (new FileInfo(path).Length > Core.Network.ResolvConf.MaxBytes) throw new IOException($"{path} is larger than {Core.Network.ResolvConf.MaxBytes} bytes");
        return File.ReadAllText(path);
    }
}
