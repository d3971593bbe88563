namespace NativeKubelet.Core.Pods;

/// <summary>The kubelet's own conditions, in the order in which users are used to see them.</summary>
public static class PodConditions
{
    public const string ReadyToStartContainers = "PodReadyToStartContainers";
    public const string Initialized = "Initialized";
    public const string Ready = "Ready";
    public const string ContainersReady = "ContainersReady";
    public const string Scheduled = "PodScheduled";

    public static ValueList<PodCondition> Build(
        PodPhase phase, ValueList<ContainerStatus> containers, bool sandboxReady, PodStatus? previous, DateTimeOffset wall)
    {
        (bool ready, string reason, string message) = Readiness(phase, containers);
        return
        [
            Condition(ReadyToStartContainers, sandboxReady, "", ""),
            Condition(Initialized, true, phase == PodPhase.Succeeded ? "PodCompleted" : "", ""),
            Condition(Ready, ready, reason, message),
            Condition(ContainersReady, ready, reason, message),
            Condition(Scheduled, true, "", ""),
        ];

        PodCondition Condition(string type, bool status, string why, string what)
        {
            PodCondition? before = previous?.Conditions.FirstOrDefault(c => c.Type == type);
            return new(type, status, why, what, before?.Status == status ? before.Since : wall);
        }
    }

    private static (bool Ready, string Reason, string Message) Readiness(PodPhase phase, ValueList<ContainerStatus> containers)
    {
        string[] unready = [.. containers.Where(c => !c.Ready).Select(c => c.Name)];
        return phase switch
        {
            PodPhase.Succeeded => (false, "PodCompleted", ""),
            PodPhase.Failed => (false, "PodFailed", ""),
            _ when unready.Length > 0 => (false, "ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]"),
            _ => (true, "", ""),
        };
    }
}
