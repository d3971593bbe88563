namespace NativeKubelet.Cli.Doctor;

/// <summary>How pods will get their network: by CNI plugins where a configuration is, by the built-in bridge elsewhere.</summary>
public static class NetworkChecks
{
    public static IEnumerable<Finding> Of(NodeSight sight)
    {
        NetworkSight network = sight.Network;
        foreach (string problem in network.CniProblems)
            yield return Finding.Fail("CNI", problem, network.Cni is null ? "while a broken configuration is there, pods wait rather than get a network nobody meant" : $"the file is passed over, {network.Cni} counts",
                "mend the file, or remove it");
        if (!network.MissingPlugins.IsEmpty)
            yield return Finding.Fail("CNI", $"network {network.Cni} needs plugins that are not there: {string.Join(", ", network.MissingPlugins)}", "pods do not start, but for those with hostNetwork",
                "install them (package containernetworking-plugins), name their directory by --cni-bin-dir (Debian: /usr/lib/cni), or remove a configuration that is not for this node");
        if (network.Cni is { } name)
        {
            if (network.MissingPlugins.IsEmpty) yield return Finding.Ok("CNI", $"network {name}");
            if (network.Forwards == false) yield return Finding.Warn("forwarding", "net.ipv4.ip_forward is 0", "packets of pods may not leave the machine, unless the plugins turn it on", "sysctl -w net.ipv4.ip_forward=1, and keep it in /etc/sysctl.d");
            if (!network.FiltersBridges) yield return Finding.Warn("br_netfilter", "not loaded", "services do not answer pods on the same bridge where kube-proxy uses iptables", "modprobe br_netfilter, and keep it in /etc/modules-load.d");
        }
        else if (network.CniProblems.IsEmpty)
            yield return network.NftFault is { } fault
                ? Finding.Fail("nftables", fault, "the built-in bridge masquerades and maps host ports with it", "load nf_tables, or configure CNI plugins that do without; pods with hostNetwork run all the same")
                : Finding.Ok("network", "built-in bridge, nftables answers");
    }
}
