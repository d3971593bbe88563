using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Runtime.Network;

/// <summary>A rule in one of the kernel's own chains that leads into one of ours.</summary>
internal sealed record IptablesJump(string Table, string From, ImmutableArray<string> Match, string To);

/// <summary>
/// What <see cref="BridgeRules"/> says, in the words of iptables-restore(8), for kernels whose nf_tables lacks a part or is not
/// there. All of it is in chains of our own; the kernel's have one jump each. Pure.
/// </summary>
internal static class IptablesRules
{
    // Names have at most 28 bytes, a link's 15.
    private static string Guard(string bridge) => $"NK-{bridge}-GUARD";
    private static string Ports(string bridge) => $"NK-{bridge}-PORTS";
    private static string Out(string bridge) => $"NK-{bridge}-OUT";

    /// <summary>In the order in which they become true: the guard first.</summary>
    public static ImmutableArray<IptablesJump> Jumps(AddressFamily family, string bridge)
    {
        ImmutableArray<IptablesJump> nat =
        [
            new("nat", "POSTROUTING", [], Out(bridge)),
            new("nat", "PREROUTING", ["-m", "addrtype", "--dst-type", "LOCAL"], Ports(bridge)),
            new("nat", "OUTPUT", ["-m", "addrtype", "--dst-type", "LOCAL"], Ports(bridge)),
        ];
        return family == AddressFamily.InterNetwork ? [new("raw", "PREROUTING", [], Guard(bridge)), .. nat] : nat;
    }

    /// <summary>For <c>iptables-restore --noflush</c>: chains that are named are emptied, or made; others stay as they are.</summary>
    public static string Text(AddressFamily family, string bridge, ImmutableArray<Subnet> subnets, IEnumerable<PortForward> forwards)
    {
        bool ipv6 = family == AddressFamily.InterNetworkV6;
        StringBuilder text = new();
        if (!ipv6)
        {
            // route_localnet lets 127.0.0.1 through to pods, and would let neighbours through to 127.0.0.1 (CVE-2020-8558).
            text.Append("*raw\n:").Append(Guard(bridge)).Append(" - [0:0]\n");
            text.Append("-A ").Append(Guard(bridge)).Append(" ! -i lo -d 127.0.0.0/8 -j DROP\n");
            text.Append("-A ").Append(Guard(bridge)).Append(" ! -i lo -s 127.0.0.0/8 -j DROP\nCOMMIT\n");
        }
        string ports = Ports(bridge), way = Out(bridge);
        text.Append("*nat\n:").Append(ports).Append(" - [0:0]\n:").Append(way).Append(" - [0:0]\n");
        // What names an address of the node goes before what does not.
        foreach (PortForward f in BridgeRules.Distinct(forwards.Where(f => f.Target.AddressFamily == family)).OrderBy(f => f.HostAddress is null))
        {
            text.Append("-A ").Append(ports);
            if (f.HostAddress is { } address) text.Append(" -d ").Append(address);
            text.Append(" -p ").Append(f.Protocol.ToLowerInvariant()).Append(" --dport ").Append(f.HostPort)
                .Append(" -m comment --comment ").Append(f.SandboxId).Append(" -j DNAT --to-destination ").Append(new IPEndPoint(f.Target, f.Port)).Append('\n');
        }
        ImmutableArray<Subnet> own = [.. subnets.Where(s => s.Family == family)];
        // From a pod through a port of the node back to a pod: the answer must come by way of the node, too.
        foreach (string source in own.Select(s => s.ToString()).Concat(ipv6 ? [] : (string[])["127.0.0.0/8"]))
            text.Append("-A ").Append(way).Append(" -o ").Append(bridge).Append(" -s ").Append(source).Append(" -m conntrack --ctstate DNAT -j MASQUERADE\n");
        foreach (Subnet subnet in own)
        {
            string from = $"-A {way} ! -o {bridge} -s {subnet}";
            foreach (string seen in own.Select(s => s.ToString()).Append(ipv6 ? "ff00::/8" : "224.0.0.0/4")) text.Append(from).Append(" -d ").Append(seen).Append(" -j RETURN\n");
            text.Append(from).Append(" -j MASQUERADE\n");
        }
        return text.Append("COMMIT\n").ToString();
    }

    /// <summary>For the way back: empties and removes the chains, once nothing leads into them.</summary>
    public static ImmutableArray<(string Table, string Chain)> Chains(AddressFamily family, string bridge)
    {
        ImmutableArray<(string, string)> nat = [("nat", Out(bridge)), ("nat", Ports(bridge))];
        return family == AddressFamily.InterNetwork ? [.. nat, ("raw", Guard(bridge))] : nat;
    }
}
