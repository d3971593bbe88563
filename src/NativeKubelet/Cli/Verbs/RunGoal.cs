using NativeKubelet.Core.Pods;
using NativeKubelet.Status;

namespace NativeKubelet.Cli.Verbs;

/// <summary>What <c>run</c> waits for.</summary>
internal enum RunGoal { Interrupt, Ready, Done }

/// <summary>Has a run come to its end? Decided by the pods' statuses alone.</summary>
internal static class RunOutcome
{
    /// <param name="expected">How many pods the manifests define; one without a status has not begun.</param>
    /// <returns>The exit code, or null: go on.</returns>
    public static int? Of(RunGoal goal, int expected, IReadOnlyCollection<PodView> pods) => goal switch
    {
        RunGoal.Ready when pods.FirstOrDefault(p => p.Status.Phase == PodPhase.Failed) is { } failed => CodeOf(failed),
        RunGoal.Ready when pods.Count >= expected && pods.All(p => p.Status.IsReady || p.Status.Phase == PodPhase.Succeeded) => 0,
        RunGoal.Done when pods.Count >= expected && pods.All(p => p.Status.IsTerminal) =>
            pods.OrderBy(p => p.Namespace, StringComparer.Ordinal).ThenBy(p => p.Name, StringComparer.Ordinal).Select(CodeOf).FirstOrDefault(code => code != 0),
        _ => null,
    };

    /// <summary>The first container's that did not end well; 1 for a pod that failed without one (refused by the node).</summary>
    private static int CodeOf(PodView pod)
    {
        int code = pod.Status.Containers.Concat(pod.Status.InitContainers).Select(c => c.State).OfType<Terminated>().Select(t => t.ExitCode).FirstOrDefault(code => code != 0);
        return code != 0 ? code : pod.Status.Phase == PodPhase.Failed ? 1 : 0;
    }
}
