using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>A node's taints against a pod's tolerations.</summary>
public static class Taints
{
    /// <summary>Those of other effects are for who places pods, not for the node that was chosen.</summary>
    private const string Acted = "NoExecute";

    /// <returns>True when the node may not run the pod. How long it would be tolerated counts for who evicts, not here.</returns>
    public static bool Refuse(V1PodSpec spec, IReadOnlyCollection<V1Taint> taints) =>
        taints.Any(taint => taint.Effect == Acted && spec.Tolerations?.Any(t => Tolerates(t, taint)) != true);

    /// <summary>Whatever a toleration leaves out it tolerates; no key goes with the operator Exists alone.</summary>
    private static bool Tolerates(V1Toleration toleration, V1Taint taint) =>
        (string.IsNullOrEmpty(toleration.Effect) || toleration.Effect == taint.Effect)
        && (string.IsNullOrEmpty(toleration.Key) || toleration.Key == taint.Key)
        && toleration.OperatorProperty switch
        {
            null or "" or "Equal" => (toleration.Value ?? "") == (taint.Value ?? ""),
            "Exists" => true,
            _ => false,     // Lt and Gt: their feature gate is off
        };
}
