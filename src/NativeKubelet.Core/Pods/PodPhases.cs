namespace NativeKubelet.Core.Pods;

/// <summary>The phase that a pod's containers add up to.</summary>
public static class PodPhases
{
    /// <param name="mayRestart">False once the pod is being ended.</param>
    public static PodPhase Of(RestartPolicy policy, IReadOnlyList<ContainerStatus> containers, bool mayRestart)
    {
        int running = 0, failed = 0, stopped = 0, restartable = 0, unstarted = 0;
        foreach (ContainerStatus container in containers)
        {
            Terminated? end = container.State as Terminated ?? (container.State is Waiting ? container.LastState : null);
            if (container.State is Running)
                running++;
            else if (end is null)
                unstarted++;
            else
            {
                stopped++;
                failed += end.ExitCode == 0 ? 0 : 1;
                restartable += mayRestart && RestartRule.Allows(policy, end.ExitCode) ? 1 : 0;
            }
        }
        if (unstarted > 0 || running + stopped == 0)
            return PodPhase.Pending;
        if (running > 0 || restartable > 0)
            return PodPhase.Running;
        return failed == 0 ? PodPhase.Succeeded : PodPhase.Failed;
    }
}
