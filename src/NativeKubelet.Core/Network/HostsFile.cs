using System.Text;
using k8s.Models;

namespace NativeKubelet.Core.Network;

/// <summary>Content of a pod's /etc/hosts, byte for byte as users know it (spec 32 §11.2).</summary>
public static class HostsFile
{
    private const string Head =
        "# Kubernetes-managed hosts file.\n"
        + "127.0.0.1\tlocalhost\n"
        + "::1\tlocalhost ip6-localhost ip6-loopback\n"
        + "fe00::0\tip6-localnet\n"
        + "fe00::0\tip6-mcastprefix\n"
        + "fe00::1\tip6-allnodes\n"
        + "fe00::2\tip6-allrouters\n";

    public static string ForPodNetwork(PodHostname names, IEnumerable<string> ips, IEnumerable<V1HostAlias>? aliases)
    {
        StringBuilder text = new(Head);
        foreach (string ip in ips)
        {
            text.Append(ip).Append('\t');
            if (names.Domain.Length > 0) text.Append(names.Host).Append('.').Append(names.Domain).Append('\t');
            text.Append(names.Host).Append('\n');
        }
        return WithAliases(text, aliases);
    }

    /// <param name="nodeFile">The node's own file.</param>
    public static string ForHostNetwork(string nodeFile, IEnumerable<V1HostAlias>? aliases) =>
        WithAliases(new StringBuilder("# Kubernetes-managed hosts file (host network).\n").Append(nodeFile), aliases);

    private static string WithAliases(StringBuilder text, IEnumerable<V1HostAlias>? aliases)
    {
        bool any = false;
        foreach (V1HostAlias alias in aliases ?? [])
        {
            if (!any) text.Append("\n# Entries added by HostAliases.\n");
            any = true;
            text.Append(alias.Ip).Append('\t').AppendJoin('\t', alias.Hostnames ?? []).Append('\n');
        }
        return text.ToString();
    }
}
