using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NativeKubelet.Core.Network;

/// <summary>A port of the machine that leads to one of the pod, as plugins are told of it.</summary>
/// <param name="Protocol">TCP, UDP or SCTP.</param>
public sealed record CniPort(int HostPort, int ContainerPort, string Protocol, string HostIp);

/// <summary>What a plugin is told: its environment's words and the configuration on its stdin (spec 42 §B2).</summary>
public static class CniRequest
{
    public static ImmutableArray<ImmutableArray<string>> Arguments(string podNamespace, string podName, string podUid, string sandboxId) =>
    [
        ["IgnoreUnknown", "1"],
        ["K8S_POD_NAMESPACE", podNamespace],
        ["K8S_POD_NAME", podName],
        ["K8S_POD_INFRA_CONTAINER_ID", sandboxId],
        ["K8S_POD_UID", podUid],
    ];

    public static string ArgumentText(ImmutableArray<ImmutableArray<string>> pairs) => string.Join(';', pairs.Where(p => p.Length == 2).Select(p => $"{p[0]}={p[1]}"));

    /// <summary>Everything that a plugin may learn at run time, by capability; each gets what it declares.</summary>
    /// <param name="annotations">Of the pod; passed on whole to those plugins that ask for them.</param>
    public static JsonObject Capabilities(IEnumerable<CniPort> ports, string cgroupPath, ImmutableDictionary<string, string> annotations, CniBandwidth? bandwidth, ResolvConf? dns)
    {
        JsonObject all = [];
        JsonArray mappings = [.. ports.Where(p => p.HostPort > 0).Select(JsonNode (p) => new JsonObject
        {
            ["hostPort"] = p.HostPort,
            ["containerPort"] = p.ContainerPort,
            ["protocol"] = p.Protocol.ToLowerInvariant(),
            ["hostIP"] = p.HostIp,
        })];
        if (mappings.Count > 0) all["portMappings"] = mappings;
        if (bandwidth is { } limits) all["bandwidth"] = limits.ToJson();
        if (dns is { IsEmpty: false }) all["dns"] = new JsonObject { ["servers"] = List(dns.Nameservers), ["searches"] = List(dns.Searches), ["options"] = List(dns.Options) };
        if (cgroupPath.Length > 0) all["cgroupPath"] = cgroupPath;
        if (!annotations.IsEmpty)
        {
            JsonObject words = [];
            foreach ((string key, string value) in annotations.OrderBy(a => a.Key, StringComparer.Ordinal)) words[key] = value;
            all["io.kubernetes.cri.pod-annotations"] = words;
        }
        return all;
    }

    /// <param name="previous">The result so far, or the cached one; null for the first plugin's ADD.</param>
    /// <param name="capabilities">From <see cref="Capabilities"/>.</param>
    /// <param name="extra">Further fields: the valid attachments of a GC.</param>
    public static byte[] Input(CniNetworkConfig network, CniPlugin plugin, JsonNode? previous, JsonObject? capabilities, JsonObject? extra = null)
    {
        JsonObject input = (JsonObject)JsonNode.Parse(plugin.Json)!;      // it was an object when it was parsed
        input.Remove("capabilities");
        input["name"] = network.Name;
        input["cniVersion"] = network.Version;
        if (previous is not null) input["prevResult"] = previous.DeepClone();
        JsonObject told = [];
        foreach ((string key, JsonNode? value) in capabilities ?? [])
            if (plugin.Capabilities.Contains(key)) told[key] = value?.DeepClone();
        if (told.Count > 0) input["runtimeConfig"] = told;
        foreach ((string key, JsonNode? value) in extra ?? []) input[key] = value?.DeepClone();
        return JsonSerializer.SerializeToUtf8Bytes(input, JsonNodes.Default.JsonObject);
    }

    /// <summary>The attachments that stay; all others may be cleaned up.</summary>
    public static JsonObject ValidAttachments(IEnumerable<(string SandboxId, string Interface)> attachments)
    {
        JsonArray List() => [.. attachments.Select(a => new JsonObject { ["containerID"] = a.SandboxId, ["ifname"] = a.Interface })];
        // The second name is what plugins before the specification's final text look for.
        return new() { ["cni.dev/valid-attachments"] = List(), ["cni.dev/attachments"] = List() };
    }

    private static JsonArray List(IEnumerable<string> values) => [.. values.Select(v => (JsonNode)v)];
}
