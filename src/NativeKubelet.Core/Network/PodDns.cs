using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using k8s.Models;

namespace NativeKubelet.Core.Network;

/// <summary>What a node knows of names.</summary>
/// <param name="ClusterServers">clusterDNS; empty where no cluster names are served, as on a node alone.</param>
/// <param name="ClusterDomain">Empty: no cluster search paths.</param>
/// <param name="HostResolvConf">Text of the file that resolvConf names; null when that setting is the empty string.</param>
/// <param name="PreferIpv6">The node's first address is an IPv6 one.</param>
public sealed record NodeDns(ImmutableArray<IPAddress> ClusterServers, string ClusterDomain, string? HostResolvConf, bool PreferIpv6);

/// <param name="OnNodeToo">The event is told of the node as well, without the pod's name.</param>
public sealed record DnsWarning(string Reason, string Message, bool OnNodeToo = false);

/// <param name="Content">Of the pod's /etc/resolv.conf.</param>
/// <param name="Settings">The same in parts, for plugins that are given them.</param>
/// <param name="Warnings">For events, once per start of the pod.</param>
public sealed record PodDns(string Content, ResolvConf Settings, ImmutableArray<DnsWarning> Warnings)
{
    public const int MaxNameservers = 3, MaxSearches = 32, MaxSearchLength = 253, MaxSearchesLength = 2048;

    private const string MissingCluster =
        "kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy.";

    /// <summary>The pod's resolver settings by dnsPolicy and dnsConfig, cut to what the original allows (spec 32 §11.3).</summary>
    public static PodDns Build(V1Pod pod, NodeDns node)
    {
        List<DnsWarning> warnings = [];
        ResolvConf host = node.HostResolvConf is { } text ? ResolvConf.Parse(text)
            : new([node.PreferIpv6 ? "::1" : "127.0.0.1"], ["."], []);
        ResolvConf merged = WithPodConfig(Base(pod, node, host, warnings), pod.Spec.DnsConfig);
        ResolvConf settings = Limited(merged, warnings);
        // Nothing said and nothing known: the pod sees what the node sees.
        string content = settings.IsEmpty ? node.HostResolvConf ?? "" : settings.ToText();
        return new(content, settings, [.. warnings]);
    }

    private static ResolvConf Base(V1Pod pod, NodeDns node, ResolvConf host, List<DnsWarning> warnings)
    {
        string policy = pod.Spec.DnsPolicy ?? "ClusterFirst";
        if (policy == "None") return ResolvConf.Empty;
        bool cluster = policy == "ClusterFirstWithHostNet" || (policy == "ClusterFirst" && pod.Spec.HostNetwork != true);
        if (!cluster) return host;
        if (node.ClusterServers.IsEmpty)
        {
            warnings.Add(new("MissingClusterDNS",
                $"pod: \"{pod.Metadata.Name}_{pod.Metadata.NamespaceProperty}({pod.Metadata.Uid})\". {MissingCluster}", OnNodeToo: true));
            return host;
        }
        string[] own = node.ClusterDomain.Length == 0 ? []
            : [$"{pod.Metadata.NamespaceProperty}.svc.{node.ClusterDomain}", $"svc.{node.ClusterDomain}", node.ClusterDomain];
        return new([.. node.ClusterServers.Select(s => s.ToString())], Distinct(own.Concat(host.Searches)), ["ndots:5"]);
    }

    private static ResolvConf WithPodConfig(ResolvConf settings, V1PodDNSConfig? config) => config is null ? settings : new(
        Distinct(settings.Nameservers.Concat(config.Nameservers ?? [])),
        Distinct(settings.Searches.Concat(config.Searches ?? [])),
        ResolvConf.Override(settings.Options, (config.Options ?? []).Select(o => string.IsNullOrEmpty(o.Value) ? o.Name : $"{o.Name}:{o.Value}")));

    private static ResolvConf Limited(ResolvConf settings, List<DnsWarning> warnings)
    {
        ImmutableArray<string> servers = settings.Nameservers;
        if (servers.Length > MaxNameservers)
        {
            servers = servers[..MaxNameservers];
            warnings.Add(Forming($"Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: {string.Join(' ', servers)}"));
        }

        List<string> searches = [.. settings.Searches.Where(s => s.Length <= MaxSearchLength).Take(MaxSearches)];
        while (searches.Sum(s => s.Length + 1) - 1 > MaxSearchesLength) searches.RemoveAt(searches.Count - 1);
        if (searches.Count < settings.Searches.Length)
            warnings.Add(Forming($"Search Line limits were exceeded, some search paths have been omitted, the applied search line is: {string.Join(' ', searches)}"));
        return new(servers, [.. searches], settings.Options);
    }

    /// <summary>Only the machine itself answers at these addresses, not what is in a pod's own network.</summary>
    public static bool OnlyLoopback(ResolvConf host) =>
        !host.Nameservers.IsEmpty && host.Nameservers.All(s => IPAddress.TryParse(s, out IPAddress? a) && IPAddress.IsLoopback(a)
            && a.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6);

    private static DnsWarning Forming(string message) => new("DNSConfigForming", message);

    private static ImmutableArray<string> Distinct(IEnumerable<string> values) => [.. values.Distinct()];
}
