namespace NativeKubelet.Core.Resize;

/// <summary>What a pod's worker is told of its pod's resize.</summary>
/// <param name="Pending">What the spec asks for and the pod was not granted; null: it was granted all.</param>
/// <param name="Granted">The generation of the spec that was granted last in this agent's life; null: none yet.</param>
public sealed record ResizeOutlook(ResizePending? Pending, long? Granted);

/// <summary>Why a resize is not granted.</summary>
/// <param name="Cause">The refusing check's own word, such as OutOfcpu.</param>
/// <param name="Generation">Of the spec that asks.</param>
public sealed record ResizePending(string Cause, string Message, long Generation)
{
    public const string Infeasible = "Infeasible", Deferred = "Deferred";

    /// <summary>Everything but what can never be may be later.</summary>
    public string Reason => IsInfeasible ? Infeasible : Deferred;

    public bool IsInfeasible => Cause == Infeasible;
}
