using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Resize;

/// <summary>A resize that was granted and is not in force yet.</summary>
/// <param name="Generation">Of the spec that was granted.</param>
/// <param name="Error">Why the last try failed; empty: none has.</param>
public sealed record ResizeProgress(long Generation, string Error = "")
{
    /// <summary>What an earlier agent had told the API server.</summary>
    public static ResizeProgress? Of(V1PodStatus? known) =>
        known?.Conditions?.FirstOrDefault(c => c.Type == ResizeConditions.InProgress && c.Status == "True") is { } told
            ? new(told.ObservedGeneration ?? 0, told.Message ?? "") : null;

    /// <summary>Begins with the first difference that is seen, and ends with the last.</summary>
    /// <returns>Completed: the one that has come to its end.</returns>
    public static (ResizeProgress? Now, ResizeProgress? Completed) Follow(ResizeProgress? before, PodIntent desired, PodObserved observed, PodProgress progress)
    {
        if (desired.Stop is not null || progress.Over is not null) return (before, null);
        if (PodResizing.IsUnderWay(desired, observed)) return (before ?? new(desired.Pod.Metadata.Generation ?? 0), null);
        return (null, before);
    }
}
