using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;

namespace NativeKubelet.Core.Containers;

/// <summary>
/// Variables that tell a container where services are (spec 32 §3.1), in the names that links of Docker had. How the API server
/// is reached every container is told; of the others those of its namespace, unless its pod asks for none.
/// </summary>
public static class ServiceVariables
{
    private const string Everybodys = "kubernetes", EverybodysNamespace = "default";

    public static ImmutableArray<KeyValuePair<string, string>> For(V1Pod pod, IEnumerable<V1Service> services)
    {
        string own = pod.Metadata.NamespaceProperty;
        bool links = pod.Spec.EnableServiceLinks ?? true;
        OrderedVariables variables = new();
        // By name, so that equal services give equal environments. A namespace's own "kubernetes" stands before everybody's.
        foreach (V1Service service in services.Where(HasAddress).Where(s => IsEverybodys(s) || (links && s.Metadata.NamespaceProperty == own))
            .OrderBy(s => s.Metadata.Name, StringComparer.Ordinal).ThenBy(IsEverybodys))
            Add(service, variables);
        return variables.All;
    }

    private static bool IsEverybodys(V1Service service) => service.Metadata is { NamespaceProperty: EverybodysNamespace, Name: Everybodys };

    private static bool HasAddress(V1Service service) => service.Spec is { ClusterIP: { Length: > 0 } ip, Ports.Count: > 0 } && ip != "None";

    private static void Add(V1Service service, OrderedVariables variables)
    {
        (string name, string ip, IList<V1ServicePort> ports) = (NameOf(service.Metadata.Name), service.Spec.ClusterIP, service.Spec.Ports);
        string host = ip.Contains(':', StringComparison.Ordinal) ? $"[{ip}]" : ip;
        variables.Complete($"{name}_SERVICE_HOST", ip);
        variables.Complete($"{name}_SERVICE_PORT", Number(ports[0]));
        foreach (V1ServicePort port in ports)
            if (!string.IsNullOrEmpty(port.Name)) variables.Complete($"{name}_SERVICE_PORT_{NameOf(port.Name)}", Number(port));
        foreach (V1ServicePort port in ports)
        {
            string protocol = string.IsNullOrEmpty(port.Protocol) ? "TCP" : port.Protocol, address = $"{protocol.ToLowerInvariant()}://{host}:{Number(port)}";
            if (port == ports[0]) variables.Complete($"{name}_PORT", address);
            string prefix = $"{name}_PORT_{Number(port)}_{protocol.ToUpperInvariant()}";
            variables.Complete(prefix, address);
            variables.Complete($"{prefix}_PROTO", protocol.ToLowerInvariant());
            variables.Complete($"{prefix}_PORT", Number(port));
            variables.Complete($"{prefix}_ADDR", ip);
        }
    }

    private static string NameOf(string name) => name.Replace('-', '_').ToUpperInvariant();

    private static string Number(V1ServicePort port) => port.Port.ToString(CultureInfo.InvariantCulture);
}
