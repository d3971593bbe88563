namespace NativeKubelet.Core.Pods;

/// <summary>spec.activeDeadlineSeconds: how long a pod may be on the node, init containers and pulls included.</summary>
public static class PodDeadline
{
    public static readonly PodFailure Exceeded = new("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");

    /// <returns>Steady time; null: it has none.</returns>
    public static DateTimeOffset? Of(PodIntent desired, PodProgress progress) =>
        desired.Pod.Spec.ActiveDeadlineSeconds is { } seconds && progress.Begun is { } begun ? begun + TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue)) : null;
}
