using System.Diagnostics.CodeAnalysis;
using k8s.Models;

namespace NativeKubelet.Core.Network;

/// <summary>The names of a pod (spec 32 §11.1).</summary>
/// <param name="Host">First label, in the hosts file.</param>
/// <param name="Domain">Empty, or SUBDOMAIN.NAMESPACE.svc.CLUSTERDOMAIN.</param>
/// <param name="Kernel">What gethostname(2) says inside.</param>
public sealed record PodHostname(string Host, string Domain, string Kernel)
{
    public const int MaxLabel = 63, MaxKernel = 64;

    /// <param name="nodeHostname">The machine's own, which pods on its network see.</param>
    /// <param name="error">The event's sentence when the pod cannot be named.</param>
    public static bool TryDerive(V1Pod pod, string nodeHostname, string clusterDomain, [NotNullWhen(true)] out PodHostname? names, out string error)
    {
        (names, error) = (null, "");
        (string host, string domain) = pod.Spec.HostnameOverride is { Length: > 0 } over ? (Cut(over), "") : Own(pod, clusterDomain);
        if (host.Length == 0)
        {
            error = $"hostname for pod \"{pod.Metadata.Name}\" was invalid: \"{pod.Spec.HostnameOverride ?? pod.Spec.Hostname ?? pod.Metadata.Name}\"";
            return false;
        }

        string kernel = host;
        if (pod.Spec.SetHostnameAsFQDN == true && domain.Length > 0)
        {
            kernel = $"{host}.{domain}";
            if (kernel.Length > MaxKernel)
            {
                error = "failed to construct FQDN from pod hostname and cluster domain, "
                    + $"FQDN {kernel} is too long ({MaxKernel} characters is the max, {kernel.Length} characters requested)";
                return false;
            }
        }
        names = new(host, domain, pod.Spec.HostNetwork == true ? nodeHostname : kernel);
        return true;
    }

    private static (string Host, string Domain) Own(V1Pod pod, string clusterDomain) => (
        pod.Spec.Hostname is { Length: > 0 } named ? named : Cut(pod.Metadata.Name),
        pod.Spec.Subdomain is { Length: > 0 } sub ? $"{sub}.{pod.Metadata.NamespaceProperty}.svc.{clusterDomain}" : "");

    private static string Cut(string name) => name.Length <= MaxLabel ? name : name[..MaxLabel].TrimEnd('-', '.');
}
