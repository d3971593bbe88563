using System.Globalization;
using System.Text;
using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Pods;

/// <summary>What the node adds to what the pod itself says.</summary>
/// <param name="PodIps">The host's for a pod on its network; empty before the pod has any.</param>
/// <param name="Allocatable">Stands in for limits that a container does not set.</param>
public sealed record DownwardFacts(ValueList<string> PodIps, ValueList<string> HostIps, ResourceAmounts Allocatable);

/// <summary>The downward API: fieldRef and resourceFieldRef of volumes and of environment variables (spec 32 §3.1, 41 §4.4).</summary>
public static class DownwardFields
{
    private static readonly string[] Common = ["metadata.name", "metadata.namespace", "metadata.uid"];

    private static readonly string[] OfEnvironment =
        [.. Common, "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"];

    private static readonly string[] OfVolumes = ["metadata.annotations", "metadata.labels", .. Common];

    /// <summary>Fields that a variable may show, beside single labels and annotations.</summary>
    public static ReadOnlySpan<string> EnvironmentFields => OfEnvironment;

    /// <summary>Fields that a file may show, beside single labels and annotations.</summary>
    public static ReadOnlySpan<string> VolumeFields => OfVolumes;

    /// <summary>metadata.labels['app'] → (metadata.labels, app); null for a path without a key.</summary>
    public static (string Path, string Key)? Keyed(string path)
    {
        int open = path.IndexOf("['", StringComparison.Ordinal);
        return open > 0 && path.EndsWith("']", StringComparison.Ordinal) && path.Length >= open + 4 ? (path[..open], path[(open + 2)..^2]) : null;
    }

    /// <summary>A field of the pod's metadata; whole labels and annotations one a line as key="value".</summary>
    /// <exception cref="FormatException">No such field.</exception>
    public static string Metadata(V1Pod pod, string path)
    {
        V1ObjectMeta metadata = pod.Metadata;
        switch (Keyed(path))
        {
            case ("metadata.annotations", var key): return ValueOf(metadata.Annotations, key);
            case ("metadata.labels", var key): return ValueOf(metadata.Labels, key);
            case not null: throw new FormatException($"fieldPath \"{path}\" does not support subscript");
        }
        return path switch
        {
            "metadata.annotations" => Lines(metadata.Annotations),
            "metadata.labels" => Lines(metadata.Labels),
            "metadata.name" => metadata.Name,
            "metadata.namespace" => metadata.NamespaceProperty,
            "metadata.uid" => metadata.Uid,
            _ => throw new FormatException($"unsupported fieldPath: {path}"),
        };
    }

    /// <summary>A field as an environment variable shows it.</summary>
    /// <exception cref="FormatException">No such field.</exception>
    public static string Environment(V1Pod pod, string path, DownwardFacts facts) => path switch
    {
        "spec.nodeName" => pod.Spec.NodeName ?? "",
        "spec.serviceAccountName" => pod.Spec.ServiceAccountName ?? "",
        "status.hostIP" => facts.HostIps.Count > 0 ? facts.HostIps[0] : "",
        "status.hostIPs" => string.Join(',', facts.HostIps),
        "status.podIP" => facts.PodIps.Count > 0 ? facts.PodIps[0] : "",
        "status.podIPs" => string.Join(',', facts.PodIps),
        _ => Metadata(pod, path),
    };

    /// <summary>An amount in units of the divisor, rounded up; a limit that is not set is the pod's, or of cpu, memory or storage the node's own.</summary>
    /// <param name="container">Whose, unless the selector names one.</param>
    /// <exception cref="FormatException">No such container or resource.</exception>
    public static string Resource(V1Pod pod, string container, V1ResourceFieldSelector selector, ResourceAmounts allocatable)
    {
        string name = string.IsNullOrEmpty(selector.ContainerName) ? container : selector.ContainerName;
        V1Container found = ContainerSpecs.Find(pod.Spec, name) ?? throw new FormatException($"container {name} not found");
        string[] words = (selector.Resource ?? "").Split('.', 2);
        if (words is not ["limits" or "requests", "cpu" or "memory" or "ephemeral-storage"] && !(words is ["limits" or "requests", var other] && other.StartsWith("hugepages-", StringComparison.Ordinal)))
            throw new FormatException($"unsupported container resource : {selector.Resource}");

        string resource = words[1];
        Quantity amount = ResourceAmounts.From(words[0] == "limits" ? found.Resources?.Limits : found.Resources?.Requests)[resource];
        if (words[0] == "limits" && !amount.IsPositive && PodResources.PodLevelLimit(pod.Spec, resource) is { } shared) amount = shared;
        if (words[0] == "limits" && !amount.IsPositive && resource is "cpu" or "memory" or "ephemeral-storage") amount = allocatable[resource];
        Quantity divisor = selector.Divisor is { } given ? Quantity.Parse(given.ToString()) : default;
        if (!divisor.IsPositive) divisor = Quantity.FromWhole(1);
        (long value, long unit) = resource == "cpu" ? (amount.Milli, divisor.Milli) : (amount.Whole, divisor.Whole);
        return ((value / unit) + (value % unit > 0 ? 1 : 0)).ToString(CultureInfo.InvariantCulture);
    }

    private static string ValueOf(IDictionary<string, string>? all, string key) => all is not null && all.TryGetValue(key, out string? value) ? value : "";

    private static string Lines(IDictionary<string, string>? all) =>
        string.Join('\n', (all ?? new Dictionary<string, string>()).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={Quoted(p.Value)}"));

    /// <summary>As programs that read these files expect it: the quoting of Go's strconv.</summary>
    private static string Quoted(string value)
    {
        StringBuilder text = new("\"", value.Length + 2);
        foreach (Rune rune in value.EnumerateRunes())
        {
            string? named = rune.Value switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\a' => "\\a",
                '\b' => "\\b",
                '\f' => "\\f",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\v' => "\\v",
                _ => null,
            };
            if (named is not null) text.Append(named);
            else if (Printable(rune)) text.Append(rune.ToString());
            else if (rune.Value < 0x80) text.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
            else text.Append(CultureInfo.InvariantCulture, $"{(rune.Value < 0x10000 ? $"\\u{rune.Value:x4}" : $"\\U{rune.Value:x8}")}");
        }
        return text.Append('"').ToString();
    }

    private static bool Printable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
