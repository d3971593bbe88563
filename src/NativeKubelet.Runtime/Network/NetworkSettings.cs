using System.Collections.Immutable;
using NativeKubelet.Linux.Namespaces;

namespace NativeKubelet.Runtime.Network;

/// <summary>How pods of this agent get their network. Agents side by side differ in bridge, subnet and data directory.</summary>
/// <param name="BridgeName">Of the built-in network; empty: there is none, pods wait for a CNI configuration.</param>
/// <param name="PodSubnet">One block or one of each family, comma separated; null: a free private /22 is chosen.</param>
/// <param name="CniConfDirectory">Looked at anew for every pod; may be missing. Empty: no CNI.</param>
/// <param name="CniBinDirectories">In the order in which plugins are looked for.</param>
/// <param name="CniCacheDirectory">Its <c>results</c> directory shows attachments to other programs; empty: not kept.</param>
/// <param name="DataDirectory">DATA; everything is below its <c>network</c> directory.</param>
public sealed record NetworkSettings(
    string BridgeName,
    string? PodSubnet,
    string CniConfDirectory,
    ImmutableArray<string> CniBinDirectories,
    string CniCacheDirectory,
    string DataDirectory)
{
    public const string DefaultBridgeName = "nk0", DefaultCniConfDirectory = "/etc/cni/net.d", DefaultCniCacheDirectory = "/var/lib/cni";

    public static readonly ImmutableArray<string> DefaultCniBinDirectories = ["/opt/cni/bin", "/usr/libexec/cni", "/usr/lib/cni"];

    /// <summary>The family of pods' first address where they have both.</summary>
    public bool PreferIpv6 { get; init; }

    /// <summary>For one plugin's answer; then it is killed.</summary>
    public TimeSpan PluginTimeLimit { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The namespace that is the node's; null: this program's own.</summary>
    public NetworkNamespace? Node { get; init; }

    /// <summary>Whether nf_tables may be tried; false is for tests of the other way.</summary>
    internal bool NfTables { get; init; } = true;

    /// <summary>What follows "ip" in the names of the programs that are tried where nf_tables cannot be used, in turn.</summary>
    internal ImmutableArray<string> IptablesKinds { get; init; } = ["tables", "tables-legacy"];

    /// <summary>Names this boot of the machine; null: as the kernel says.</summary>
    public string? BootId { get; init; }
}
