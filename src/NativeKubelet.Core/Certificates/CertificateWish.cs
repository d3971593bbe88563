using System.Net;
using NativeKubelet.Core.Node;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Certificates;

/// <summary>A certificate that this node wants of its cluster (spec 20 §5 and §6).</summary>
/// <param name="Names">DNS names that it is to be good for; sorted.</param>
/// <param name="Addresses">IP addresses that it is to be good for; sorted.</param>
public sealed record CertificateWish(string Signer, string Node, ValueList<string> Names, ValueList<string> Addresses)
{
    public const string ClientSigner = "kubernetes.io/kube-apiserver-client-kubelet", ServingSigner = "kubernetes.io/kubelet-serving", Organization = "system:nodes";

    public string CommonName => $"system:node:{Node}";

    public ValueList<string> Usages => ["digital signature", Signer == ServingSigner ? "server auth" : "client auth"];

    /// <summary>With which the node proves to the API server who it is.</summary>
    public static CertificateWish Client(string node) => new(ClientSigner, node, [], []);

    /// <summary>Which the node's own server shows.</summary>
    /// <returns>Null without an address: no signer would take it.</returns>
    public static CertificateWish? Serving(string node, IEnumerable<NodeAddress> addresses)
    {
        ILookup<bool, string> byKind = addresses.Where(a => a.Address.Length > 0).Select(a => a.Address).Distinct().ToLookup(a => IPAddress.TryParse(a, out _));
        ValueList<string> ips = byKind[true].Order(StringComparer.Ordinal).ToValueList();
        return ips.Count == 0 ? null : new(ServingSigner, node, byKind[false].Order(StringComparer.Ordinal).ToValueList(), ips);
    }

    /// <summary>What a certificate is good for beyond the wish does no harm.</summary>
    public bool IsMetBy(string commonName, IReadOnlyCollection<string> organizations, IReadOnlyCollection<string> names, IReadOnlyCollection<string> addresses) =>
        commonName == CommonName && organizations.Contains(Organization) && Names.All(names.Contains) && Addresses.All(addresses.Contains);
}
