using k8s.Models;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Core.Pods;

/// <summary>The kubelet's own conditions, in the order in which users are used to see them.</summary>
public static class PodConditions
{
    public const string ReadyToStartContainers = "PodReadyToStartContainers";
    public const string Initialized = "Initialized";
    public const string Ready = "Ready";
    public const string ContainersReady = "ContainersReady";
    public const string Scheduled = "PodScheduled";
    public const string AllContainersRestarting = "AllContainersRestarting";

    /// <param name="restartsAll">All containers are on the way to another start; told of pods only to which that can happen.</param>
    public static ValueList<PodCondition> Build(
        PodPhase phase, PodIntent desired, IReadOnlyList<ContainerStatus> init, IReadOnlyList<ContainerStatus> regular, bool sandboxReady, bool restartsAll,
        PodStatus? previous, DateTimeOffset wall)
    {
        (bool initialized, string initReason, string initMessage) = Initialization(phase, desired, init, regular);
        (bool ready, string reason, string message) = Readiness(phase, desired, init, regular);
        return
        [
            Condition(ReadyToStartContainers, sandboxReady, "", ""),
            Condition(Initialized, initialized, initReason, initMessage),
            ready && Gates(desired.Pod) is { Length: > 0 } closed ? Condition(Ready, false, "ReadinessGatesNotReady", closed) : Condition(Ready, ready, reason, message),
            Condition(ContainersReady, ready, reason, message),
            Condition(Scheduled, true, "", ""),
            .. RestartRule.CanRestartAll(desired.Pod.Spec) ? (ReadOnlySpan<PodCondition>)[Restarting()] : [],
        ];

        PodCondition Restarting() => restartsAll
            ? Condition(AllContainersRestarting, true, "RestartAllContainersStarted", "by a restart rule of the container that exited")
            : Condition(AllContainersRestarting, false, "", "");

        PodCondition Condition(string type, bool status, string why, string what)
        {
            PodCondition? before = previous?.Conditions.FirstOrDefault(c => c.Type == type);
            return new(type, status, why, what, before?.Status == status ? before.Since : wall);
        }
    }

    private static (bool Initialized, string Reason, string Message) Initialization(
        PodPhase phase, PodIntent desired, IReadOnlyList<ContainerStatus> init, IReadOnlyList<ContainerStatus> regular)
    {
        if (phase == PodPhase.Succeeded) return (true, "PodCompleted", "");
        if (regular.Any(c => c.State is Running or Terminated { StartedAt: not null } || c.LastState is { StartedAt: not null })) return (true, "", "");
        string[] incomplete = [.. init.Where(c => !(IsSidecar(desired, c) ? c.Started : c.Ready)).Select(c => c.Name)];
        return incomplete.Length == 0 ? (true, "", "") : (false, "ContainersNotInitialized", $"containers with incomplete status: [{string.Join(' ', incomplete)}]");
    }

    private static (bool Ready, string Reason, string Message) Readiness(
        PodPhase phase, PodIntent desired, IReadOnlyList<ContainerStatus> init, IReadOnlyList<ContainerStatus> regular)
    {
        string[] unready = [.. init.Where(c => IsSidecar(desired, c)).Concat(InOrder(desired, regular)).Where(c => !c.Ready).Select(c => c.Name)];
        return phase switch
        {
            PodPhase.Succeeded => (false, "PodCompleted", ""),
            PodPhase.Failed => (false, "PodFailed", ""),
            _ when unready.Length > 0 => (false, "ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]"),
            _ => (true, "", ""),
        };
    }

    /// <summary>Conditions that others must set before the pod is ready; empty when all are as they should be.</summary>
    private static string Gates(V1Pod pod) => !StaticPodIdentity.IsFromApi(pod) ? "" : string.Join(", ",
        from gate in pod.Spec.ReadinessGates ?? []
        let set = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == gate.ConditionType)
        where set?.Status != "True"
        select set is null
            ? $"corresponding condition of pod readiness gate \"{gate.ConditionType}\" does not exist."
            : $"the status of pod readiness gate \"{gate.ConditionType}\" is not \"True\", but {set.Status}");

    private static bool IsSidecar(PodIntent desired, ContainerStatus status) =>
        desired.Init.Any(c => c.Name == status.Name && c.Role == ContainerRole.Sidecar);

    /// <summary>Statuses are sorted by name; messages name containers as the spec orders them.</summary>
    private static IEnumerable<ContainerStatus> InOrder(PodIntent desired, IReadOnlyList<ContainerStatus> statuses) =>
        desired.Regular.Join(statuses, want => want.Name, status => status.Name, (_, status) => status);
}
