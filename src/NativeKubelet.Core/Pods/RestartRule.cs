using k8s.Models;

namespace NativeKubelet.Core.Pods;

public enum RestartPolicy { Always, OnFailure, Never }

/// <summary>Whether a container that ended may run again: its own rules, its own policy, its pod's policy, in this order.</summary>
public static class RestartRule
{
    private const string Restart = "Restart", RestartAll = "RestartAllContainers";

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
        if (RestartsAll(container, exitCode)) return true;
        // One that did its work is done, also where everything else of the pod restarts for ever.
        if (container.Role == ContainerRole.Init && exitCode == 0) return false;
        if (ActionAfter(container, exitCode) == Restart) return true;
        return PolicyOf(container, ofPod) switch
        {
            RestartPolicy.Always => true,
            RestartPolicy.OnFailure => exitCode != 0,
            _ => false,
        };
    }

    /// <summary>Whether all of its pod runs again where this one ends so.</summary>
    public static bool RestartsAll(WantedContainer container, int exitCode) =>
        container.Role != ContainerRole.Ephemeral && ActionAfter(container, exitCode) == RestartAll;

    /// <summary>Whether an end of one of its containers can restart them all.</summary>
    public static bool CanRestartAll(V1PodSpec spec) =>
        spec.Containers.Concat(spec.InitContainers ?? []).Any(c => c.RestartPolicyRules?.Any(rule => rule.Action == RestartAll) == true);

    /// <summary>After a failed probe or a lost sandbox, which have no exit code of their own: rules do not count.</summary>
    public static bool AllowsAfterFailure(WantedContainer container, RestartPolicy ofPod) =>
        container.Role == ContainerRole.Sidecar || (container.Role != ContainerRole.Ephemeral && PolicyOf(container, ofPod) != RestartPolicy.Never);

    private static RestartPolicy PolicyOf(WantedContainer container, RestartPolicy ofPod) =>
        container.Spec.RestartPolicy is { } own ? Parse(own) : ofPod;

    /// <returns>Of the first rule that is for this code; null: none is.</returns>
    private static string? ActionAfter(WantedContainer container, int exitCode) => container.Spec.RestartPolicy is null
        ? null : container.Spec.RestartPolicyRules?.FirstOrDefault(rule => Matches(rule, exitCode))?.Action;

    private static bool Matches(V1ContainerRestartRule rule, int exitCode) => rule.ExitCodes is { } codes
        && codes.Values?.Contains(exitCode) == (codes.OperatorProperty == "In");
}
