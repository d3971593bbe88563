using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Resize;

/// <summary>The two conditions that tell of a resize. They are there only while they are true, and never on a pod that has ended.</summary>
public static class ResizeConditions
{
    public const string Pending = "PodResizePending";
    public const string InProgress = "PodResizeInProgress";

    public static IEnumerable<PodCondition> Build(PodPhase phase, PodIntent desired, PodProgress progress, PodStatus? previous, DateTimeOffset wall)
    {
        if (phase is PodPhase.Succeeded or PodPhase.Failed) yield break;
        if (desired.Resize?.Pending is { } pending) yield return Condition(Pending, pending.Reason, pending.Message, pending.Generation);
        if (progress.Resize is { } under) yield return Condition(InProgress, under.Error.Length > 0 ? "Error" : "", under.Error, under.Generation);

        PodCondition Condition(string type, string reason, string message, long generation)
        {
            PodCondition? before = previous?.Conditions.FirstOrDefault(c => c.Type == type);
            return new(type, true, reason, message, before?.Reason == reason ? before.Since : wall) { Generation = generation };
        }
    }
}
