using k8s.Models;
using NativeKubelet.Core.Node;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Node;

/// <summary>A node's report as Kubernetes objects carry it (spec 20 §3).</summary>
internal static class NodeStatusWire
{
    /// <param name="before">The conditions as the cluster has them: a time of transition moves only with the status.</param>
    public static V1NodeStatus ToWire(NodeReport report, IEnumerable<V1NodeCondition>? before, DateTimeOffset now) => new()
    {
        Addresses = [.. report.Addresses.Select(a => new V1NodeAddress { Type = a.Type, Address = a.Address })],
        Capacity = Amounts(report.Capacity),
        Allocatable = Amounts(report.Allocatable),
        DaemonEndpoints = new() { KubeletEndpoint = new() { Port = report.Port } },
        NodeInfo = Info(report.System),
        Images = [.. report.Images.Select(i => new V1ContainerImage { Names = [.. i.Names], SizeBytes = i.Bytes })],
        RuntimeHandlers = [.. report.RuntimeHandlers.Order(StringComparer.Ordinal).Select(h => new V1NodeRuntimeHandler { Name = h })],
        DeclaredFeatures = [.. report.Features],
        Conditions = [.. report.Conditions.Select(c => Condition(c, before?.FirstOrDefault(b => b.Type == c.Type), now))],
    };

    private static V1NodeCondition Condition(NodeConditionReport told, V1NodeCondition? before, DateTimeOffset now)
    {
        string status = told.Status ? "True" : "False";
        return new()
        {
            Type = told.Type,
            Status = status,
            Reason = told.Reason,
            Message = told.Message,
            LastHeartbeatTime = now.UtcDateTime,
            LastTransitionTime = before?.Status == status ? before.LastTransitionTime : now.UtcDateTime,
        };
    }

    private static V1NodeSystemInfo Info(NodeSystem system) => new()
    {
        MachineID = system.MachineId,
        SystemUUID = system.SystemUuid,
        BootID = system.BootId,
        KernelVersion = system.KernelVersion,
        OsImage = system.OsImage,
        ContainerRuntimeVersion = system.RuntimeVersion,
        KubeletVersion = system.KubeletVersion,
        KubeProxyVersion = "",
        OperatingSystem = "linux",
        Architecture = system.Architecture,
        Swap = system.SwapBytes > 0 ? new V1NodeSwapStatus { Capacity = system.SwapBytes } : null,
    };

    private static Dictionary<string, ResourceQuantity> Amounts(ResourceAmounts amounts) => amounts.ByName.ToDictionary(a => a.Key, a => new ResourceQuantity(a.Value.ToString()));
}
