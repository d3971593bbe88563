using System.Net;
using k8s.Models;

namespace NativeKubelet.Core.Manifests;

/// <summary>
/// Is a defaulted static pod sound? What an API server would have refused (spec 30 §3) is refused here with its words,
/// all faults at once. Lists hold no nulls (the decoder sees to that).
/// </summary>
public static class PodValidation
{
    private const int MostAnnotationBytes = 256 << 10;
    private static readonly string[] UnderHostNetworkDns = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];

    public static IEnumerable<(string Field, string Message)> Check(V1Pod pod)
    {
        FieldErrors errors = new();
        Metadata(pod.Metadata, errors);
        V1PodSpec spec = pod.Spec;
        Spec(spec, errors);
        Dns(spec, errors);
        SecurityValidation.Pod(spec, errors);
        HashSet<string> volumes = VolumeValidation.Volumes(spec.Volumes, errors);
        ContainerValidation.All(spec, volumes, errors);
        ResourceValidation.PodLevel(spec, errors);
        return errors;
    }

    private static void Metadata(V1ObjectMeta metadata, FieldErrors errors)
    {
        errors.Invalid("metadata.name", metadata.Name, NameRules.Subdomain(metadata.Name));
        errors.Invalid("metadata.namespace", metadata.NamespaceProperty, NameRules.Label(metadata.NamespaceProperty));
        errors.Invalid("metadata.uid", metadata.Uid, NameRules.Uid(metadata.Uid));
        foreach ((string key, string value) in metadata.Labels ?? new Dictionary<string, string>())
        {
            errors.Invalid("metadata.labels", key, NameRules.QualifiedName(key));
            errors.Invalid("metadata.labels", value, NameRules.LabelValue(value));
        }
        long size = 0;
        foreach ((string key, string value) in metadata.Annotations ?? new Dictionary<string, string>())
        {
            errors.Invalid("metadata.annotations", key, NameRules.QualifiedName(key.ToLowerInvariant()));
            size += key.Length + System.Text.Encoding.UTF8.GetByteCount(value);
        }
        if (size > MostAnnotationBytes) errors.Invalid("metadata.annotations", size, $"must have at most {MostAnnotationBytes} bytes");
    }

    private static void Spec(V1PodSpec spec, FieldErrors errors)
    {
        errors.OneOf("spec.restartPolicy", spec.RestartPolicy, "Always", "OnFailure", "Never");
        errors.Range("spec.activeDeadlineSeconds", spec.ActiveDeadlineSeconds, 1, int.MaxValue);
        if (spec.EphemeralContainers is { Count: > 0 }) errors.Forbidden("spec.ephemeralContainers", "cannot be set on create");
        if (spec.SchedulingGates is { Count: > 0 }) errors.Forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared");
        if (spec.Os is { } os) errors.OneOf("spec.os.name", os.Name, "linux", "windows");
        if (spec.ShareProcessNamespace == true && spec.HostPID == true) errors.Invalid("spec.shareProcessNamespace", "true", "ShareProcessNamespace and HostPID cannot both be enabled");
        if (spec.HostUsers == false)
        {
            if (spec.HostPID == true) errors.Forbidden("spec.hostPID", "when `hostUsers` is false");
            if (spec.HostIPC == true) errors.Forbidden("spec.hostIPC", "when `hostUsers` is false");
            if (spec.HostNetwork == true) errors.Forbidden("spec.hostNetwork", "when `hostUsers` is false");
        }
        if (!string.IsNullOrEmpty(spec.PriorityClassName)) errors.Invalid("spec.priorityClassName", spec.PriorityClassName, NameRules.Subdomain(spec.PriorityClassName));
        if (!string.IsNullOrEmpty(spec.RuntimeClassName)) errors.Invalid("spec.runtimeClassName", spec.RuntimeClassName, NameRules.Subdomain(spec.RuntimeClassName));
        HashSet<string> gates = [];
        for (int i = 0; i < (spec.ReadinessGates?.Count ?? 0); i++)
        {
            string type = spec.ReadinessGates![i].ConditionType ?? "";
            errors.Invalid($"spec.readinessGates[{i}].conditionType", type, NameRules.QualifiedName(type));
            if (!gates.Add(type)) errors.Duplicate($"spec.readinessGates[{i}].conditionType", type);
        }
        for (int i = 0; i < (spec.Tolerations?.Count ?? 0); i++) Toleration(spec.Tolerations![i], $"spec.tolerations[{i}]", errors);
    }

    private static void Toleration(V1Toleration toleration, string path, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(toleration.Key) && toleration.OperatorProperty != "Exists")
            errors.Invalid($"{path}.operator", toleration.OperatorProperty ?? "", "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
        errors.OneOf($"{path}.operator", toleration.OperatorProperty ?? "", "", "Equal", "Exists", "Lt", "Gt");
        errors.OneOf($"{path}.effect", toleration.Effect ?? "", "", "NoSchedule", "PreferNoSchedule", "NoExecute");
        if (toleration.TolerationSeconds is not null && toleration.Effect != "NoExecute")
            errors.Invalid($"{path}.effect", toleration.Effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }

    private static void Dns(V1PodSpec spec, FieldErrors errors)
    {
        errors.OneOf("spec.dnsPolicy", spec.DnsPolicy, UnderHostNetworkDns);
        IList<string> servers = spec.DnsConfig?.Nameservers ?? [], searches = spec.DnsConfig?.Searches ?? [];
        if (spec.DnsPolicy == "None" && servers.Count == 0) errors.Required("spec.dnsConfig.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None");
        if (servers.Count > 3) errors.Invalid("spec.dnsConfig.nameservers", servers.Count, "must not have more than 3 nameservers");
        for (int i = 0; i < servers.Count; i++) Address($"spec.dnsConfig.nameservers[{i}]", servers[i], errors);
        if (searches.Count > 32) errors.Invalid("spec.dnsConfig.searches", searches.Count, "must not have more than 32 search paths");
        if (searches.Sum(s => (s ?? "").Length + 1) - 1 > 2048) errors.Invalid("spec.dnsConfig.searches", searches.Count, "must not have more than 2048 characters in all search paths");
        for (int i = 0; i < searches.Count; i++)
        {
            string search = (searches[i] ?? "").TrimEnd('.');
            // resolv.conf is a file of lines: a newline here would be a line of the pod's own making.
            if (searches[i] != ".") errors.Invalid($"spec.dnsConfig.searches[{i}]", search, NameRules.Subdomain(search.ToLowerInvariant().Replace('_', 'x')));
        }
        for (int i = 0; i < (spec.DnsConfig?.Options?.Count ?? 0); i++)
        {
            V1PodDNSConfigOption option = spec.DnsConfig!.Options![i];
            if (string.IsNullOrEmpty(option.Name)) errors.Required($"spec.dnsConfig.options[{i}].name");
            else if ((option.Name + option.Value).Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
                errors.Invalid($"spec.dnsConfig.options[{i}]", option.Name, "must not contain blanks or control characters");
        }

        if (!string.IsNullOrEmpty(spec.Hostname)) errors.Invalid("spec.hostname", spec.Hostname, NameRules.Label(spec.Hostname));
        if (!string.IsNullOrEmpty(spec.Subdomain)) errors.Invalid("spec.subdomain", spec.Subdomain, NameRules.Label(spec.Subdomain));
        if (spec.HostnameOverride is { } name)
        {
            errors.Invalid("spec.hostnameOverride", name, name.Length > 64 ? NameRules.TooLong(64) : NameRules.Subdomain(name));
            if (spec.HostNetwork == true) errors.Forbidden("spec.hostnameOverride", "may not be set when hostNetwork is true");
            if (spec.SetHostnameAsFQDN == true) errors.Forbidden("spec.hostnameOverride", "may not be set when setHostnameAsFQDN is true");
        }
        for (int i = 0; i < (spec.HostAliases?.Count ?? 0); i++)
        {
            V1HostAlias alias = spec.HostAliases![i];
            Address($"spec.hostAliases[{i}].ip", alias.Ip, errors);
            for (int j = 0; j < (alias.Hostnames?.Count ?? 0); j++)
                errors.Invalid($"spec.hostAliases[{i}].hostnames[{j}]", alias.Hostnames![j], NameRules.Subdomain(alias.Hostnames[j]));
        }
    }

    internal static void Address(string field, string? text, FieldErrors errors)
    {
        // IPAddress.Parse also reads 1, 0x7f.1 and zones; only the usual forms count.
        bool good = IPAddress.TryParse(text, out IPAddress? address) && !text!.Contains('%', StringComparison.Ordinal)
            && (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 || address.ToString() == text);
        if (!good) errors.Invalid(field, text ?? "", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
}
