using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Node;

/// <summary>What a node says of itself, as facts; equal values are equal statuses. The wire form is made where it leaves the node.</summary>
/// <param name="Addresses">In the order in which they are told.</param>
/// <param name="Port">Of the node's own server; 0: closed.</param>
/// <param name="Images">The largest first.</param>
/// <param name="Features">What schedulers and API servers may ask of it beyond what every node can: names of feature gates, sorted.</param>
/// <param name="Conditions">Ready is the last.</param>
public sealed record NodeReport(
    ValueList<NodeAddress> Addresses,
    ResourceAmounts Capacity,
    ResourceAmounts Allocatable,
    int Port,
    NodeSystem System,
    ValueList<NodeImage> Images,
    ValueList<string> RuntimeHandlers,
    ValueList<string> Features,
    ValueList<NodeConditionReport> Conditions);

/// <param name="Type">InternalIP or Hostname.</param>
public sealed record NodeAddress(string Type, string Address);

/// <param name="SwapBytes">0: there is none, and nothing is said of it.</param>
public sealed record NodeSystem(
    string MachineId, string SystemUuid, string BootId, string KernelVersion, string OsImage, string RuntimeVersion, string KubeletVersion, string Architecture, long SwapBytes);

/// <param name="Names">Digests, then tags.</param>
public sealed record NodeImage(ValueList<string> Names, long Bytes);

/// <param name="Status">True or False: the node itself never says Unknown.</param>
public sealed record NodeConditionReport(string Type, bool Status, string Reason, string Message);

/// <summary>The conditions of a node in the words that users and their alerts know.</summary>
public static class NodeConditions
{
    public const string Ready = "Ready", MemoryPressure = "MemoryPressure", DiskPressure = "DiskPressure", PidPressure = "PIDPressure";

    /// <param name="notReady">What keeps the node from running pods; empty: nothing.</param>
    public static ValueList<NodeConditionReport> Of(bool memoryPressure, bool diskPressure, bool pidPressure, ValueList<string> notReady) =>
    [
        memoryPressure
            ? new(MemoryPressure, true, "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
            : new(MemoryPressure, false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        diskPressure
            ? new(DiskPressure, true, "KubeletHasDiskPressure", "kubelet has disk pressure")
            : new(DiskPressure, false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        pidPressure
            ? new(PidPressure, true, "KubeletHasInsufficientPID", "kubelet has insufficient PID available")
            : new(PidPressure, false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        notReady.Count == 0
            ? new(Ready, true, "KubeletReady", "kubelet is posting ready status")
            : new(Ready, false, "KubeletNotReady", notReady.Count == 1 ? notReady[0] : $"[{string.Join(", ", notReady)}]"),
    ];
}
