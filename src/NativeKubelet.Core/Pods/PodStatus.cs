using NativeKubelet.Core.Resize;

namespace NativeKubelet.Core.Pods;

/// <summary>
/// A pod's status as facts; equal values are equal statuses. The wire form is made from it where it leaves the node.
/// </summary>
/// <param name="Containers">By name.</param>
/// <param name="StartTime">When the node first took the pod up; set once.</param>
public sealed record PodStatus(
    PodPhase Phase,
    string Reason,
    string Message,
    ValueList<PodCondition> Conditions,
    ValueList<ContainerStatus> Containers,
    DateTimeOffset? StartTime,
    ValueList<string> HostIps,
    ValueList<string> PodIps,
    string QosClass,
    long? ObservedGeneration)
{
    /// <summary>In the order of the spec.</summary>
    public ValueList<ContainerStatus> InitContainers { get; init; } = [];

    /// <summary>By name.</summary>
    public ValueList<ContainerStatus> EphemeralContainers { get; init; } = [];

    /// <summary>What the pod's group was given last; null unless it runs.</summary>
    public PodAllocation? InForce { get; init; }

    public bool IsTerminal => Phase is PodPhase.Succeeded or PodPhase.Failed;

    public bool IsReady => Conditions.Any(c => c.Type == PodConditions.Ready && c.Status);
}

/// <summary>The words of status.phase.</summary>
public enum PodPhase { Pending, Running, Succeeded, Failed }

/// <param name="Since">lastTransitionTime: moves only when the status does.</param>
public sealed record PodCondition(string Type, bool Status, string Reason, string Message, DateTimeOffset Since)
{
    /// <summary>Of the spec that it tells of; null: the one that the whole status tells of.</summary>
    public long? Generation { get; init; }
}

/// <param name="Id">64 hexadecimal digits; empty before the first run.</param>
public sealed record ContainerStatus(
    string Name,
    string Image,
    string ImageId,
    string Id,
    int RestartCount,
    bool Ready,
    bool Started,
    ContainerStateOf State,
    Terminated? LastState)
{
    /// <summary>Null before the first run.</summary>
    public LinuxUser? User { get; init; }

    /// <summary>What its group was given last; null unless it runs.</summary>
    public ResizableAmounts? Amounts { get; init; }
}

/// <summary>The three states of a container that users know.</summary>
public abstract record ContainerStateOf;

public sealed record Waiting(string Reason, string Message) : ContainerStateOf;

public sealed record Running(DateTimeOffset StartedAt) : ContainerStateOf;

public sealed record Terminated(
    int ExitCode,
    string Reason,
    string Message,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    string ContainerId) : ContainerStateOf;
