using System.Net;
using System.Text.Json.Nodes;

namespace NativeKubelet.Config;

/// <summary>The flags that say who this node is.</summary>
internal static class NodeFlags
{
    private static readonly string[] AllowedLabels =
    [
        "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
        "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
    ];

    public static NodeOptions Read(ParsedFlags flags, List<string> faults, List<string> warnings)
    {
        string cloud = flags.Text("cloud-provider");
        if (cloud is not ("" or "external")) faults.Add($"cloud provider \"{cloud}\" was removed; --cloud-provider takes external or nothing");
        string hostname = flags.Text("hostname-override");
        if (hostname.Length > 0 && string.IsNullOrWhiteSpace(hostname)) faults.Add("--hostname-override: empty hostname is invalid");
        return new(NullIfEmpty(flags.Text("kubeconfig")), NullIfEmpty(flags.Text("bootstrap-kubeconfig")), flags.Text("cert-dir"),
            NullIfEmpty(hostname.Trim().ToLowerInvariant()), Addresses(flags.Text("node-ip"), faults, warnings), Labels(flags, faults), cloud)
        {
            BootFromCache = flags.Own.TryGetValue("boot-from-cache", out JsonNode? boot) ? boot.GetValue<bool>() : true,
            BootCacheKey = NullIfEmpty(flags.Text("boot-cache-key")),
        };
    }

    private static List<IPAddress> Addresses(string text, List<string> faults, List<string> warnings)
    {
        List<IPAddress> addresses = [];
        foreach (string item in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            if (IPAddress.TryParse(item, out IPAddress? ip)) addresses.Add(ip);
            else warnings.Add($"--node-ip: {item} is no IP address and is left out");
        bool any = addresses.Any(a => a.Equals(IPAddress.Any) || a.Equals(IPAddress.IPv6Any));
        if (addresses.Count > 2 || (addresses.Count == 2 && (any || addresses[0].AddressFamily == addresses[1].AddressFamily)))
            faults.Add($"bad --node-ip \"{text}\": one address, or one of each family, is needed");
        return addresses;
    }

    private static Dictionary<string, string> Labels(ParsedFlags flags, List<string> faults)
    {
        Dictionary<string, string> labels = [];
        if (!flags.Own.TryGetValue("node-labels", out JsonNode? given)) return labels;
        foreach ((string key, JsonNode? value) in given.AsObject()) labels[key] = value!.GetValue<string>();
        string[] unknown = [.. labels.Keys.Where(k => !Allowed(k))];
        if (unknown.Length > 0) faults.Add($"unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [{string.Join(" ", unknown)}]");
        foreach ((string key, string value) in labels)
            if (!QualifiedName(key) || !(value.Length == 0 || Name(value)))
                faults.Add($"invalid node labels: {key}={value}");
        return labels;
    }

    private static bool Allowed(string key)
    {
        int slash = key.IndexOf('/');
        string space = slash < 0 ? "" : key[..slash];
        if (!Within(space, "kubernetes.io") && !Within(space, "k8s.io")) return true;
        return Within(space, "kubelet.kubernetes.io") || Within(space, "node.kubernetes.io") || AllowedLabels.Contains(key);
    }

    private static bool Within(string space, string domain) => space == domain || space.EndsWith("." + domain, StringComparison.Ordinal);

    private static bool QualifiedName(string key)
    {
        string[] parts = key.Split('/');
        return parts.Length switch
        {
            1 => Name(key),
            2 => parts[0].Length is > 0 and <= 253 && parts[0].Split('.').All(l => l.Length > 0 && Name(l) && l.All(c => c is '-' or (>= 'a' and <= 'z') or (>= '0' and <= '9'))) && Name(parts[1]),
            _ => false,
        };
    }

    private static bool Name(string text) => text.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1])
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
