using System.Text.Json.Nodes;
using NativeKubelet.Linux.Cgroups;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>What the kernel says of the groups of a pod and of its container main, by either version.</summary>
internal static class PodGroups
{
    private static readonly CgroupLayout Layout = CgroupLayout.Detect();

    public static long Quota(ClusterHost host, JsonObject pod) => Read(GroupOf(host, pod, "cpu"), "cpu.cfs_quota_us", "cpu.max");

    public static long PodQuota(ClusterHost host, JsonObject pod) => Read(Path.GetDirectoryName(GroupOf(host, pod, "cpu"))!, "cpu.cfs_quota_us", "cpu.max");

    public static long Memory(ClusterHost host, JsonObject pod) => Read(GroupOf(host, pod, "memory"), "memory.limit_in_bytes", "memory.max");

    public static long PodMemory(ClusterHost host, JsonObject pod) => Read(Path.GetDirectoryName(GroupOf(host, pod, "memory"))!, "memory.limit_in_bytes", "memory.max");

    public static JsonNode StatusOf(JsonObject pod, string container = "main") => ((JsonArray)pod["status"]!["containerStatuses"]!).First(c => Text(c!["name"]) == container)!;

    private static long Read(string group, string legacy, string unified) => long.Parse(File.ReadAllText(Path.Combine(group, Layout.Unified ? unified : legacy)).Split(' ')[0]);

    /// <summary>The directory of the container main.</summary>
    private static string GroupOf(ClusterHost host, JsonObject pod, string controller)
    {
        string id = Text(StatusOf(pod)["containerID"])["nativekubelet://".Length..];
        return Directory.EnumerateDirectories(Layout.For(controller)!.Directory(host.Agent.Tree), $"*{id}*", SearchOption.AllDirectories).First();
    }
}
