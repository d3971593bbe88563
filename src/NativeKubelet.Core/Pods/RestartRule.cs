using k8s.Models;

namespace NativeKubelet.Core.Pods;

public enum RestartPolicy { Always, OnFailure, Never }

/// <summary>Whether a container that ended may run again: its own rules, its own policy, its pod's policy, in this order.</summary>
public static class RestartRule
{
    /// <summary>Absent means Always; values outside the three were refused at the source.</summary>
    public static RestartPolicy Parse(string? policy) => policy switch
    {
        "Never" => RestartPolicy.Never,
        "OnFailure" => RestartPolicy.OnFailure,
        _ => RestartPolicy.Always,
    };

    public static bool Allows(WantedContainer container, RestartPolicy ofPod, int exitCode)
    {
        if (container.Role == ContainerRole.Sidecar) return true;
        if (container.Role == ContainerRole.Ephemeral) return false;
        // One that did its work is done, also where everything else of the pod restarts for ever.
        if (container.Role == ContainerRole.Init && exitCode == 0) return false;
        if (container.Spec.RestartPolicy is not null && container.Spec.RestartPolicyRules?.Any(rule => Matches(rule, exitCode)) == true) return true;
        return PolicyOf(container, ofPod) switch
        {
            RestartPolicy.Always => true,
            RestartPolicy.OnFailure => exitCode != 0,
            _ => false,
        };
    }

    /// <summary>After a failed probe or a lost sandbox, which have no exit code of their own: rules do not count.</summary>
    public static bool AllowsAfterFailure(WantedContainer container, RestartPolicy ofPod) =>
        container.Role == ContainerRole.Sidecar || (container.Role != ContainerRole.Ephemeral && PolicyOf(container, ofPod) != RestartPolicy.Never);

    private static RestartPolicy PolicyOf(WantedContainer container, RestartPolicy ofPod) =>
        container.Spec.RestartPolicy is { } own ? Parse(own) : ofPod;

    private static bool Matches(V1ContainerRestartRule rule, int exitCode) => rule is { Action: "Restart", ExitCodes: { } codes }
        && codes.Values?.Contains(exitCode) == (codes.OperatorProperty == "In");
}
