using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>The phase that a pod's containers add up to.</summary>
public static class PodPhases
{
    /// <summary>By what the API server knows: nothing of it runs again, whether or not this machine still knows of it.</summary>
    public static bool IsFinal(V1Pod pod) => pod.Status?.Phase is "Succeeded" or "Failed";

    /// <param name="mayRestart">False once the pod is being ended.</param>
    public static PodPhase Of(PodIntent desired, IReadOnlyList<ContainerStatus> init, IReadOnlyList<ContainerStatus> regular, bool mayRestart)
    {
        Count others = new();
        bool initFailed = false, initPending = false;
        foreach ((WantedContainer want, ContainerStatus status) in Join(desired.Init, init))
        {
            Terminated? end = EndOf(status);
            if (want.Role == ContainerRole.Sidecar)
            {
                initPending |= !status.Started && end is null;
                others.Running += status.State is Running ? 1 : 0;
                others.Unstarted += status.State is Waiting && end is null ? 1 : 0;
            }
            else if (end is { ExitCode: not 0 } && !MayRunAgain(want, end)) initFailed = true;
            else initPending |= end is not { ExitCode: 0 };
        }
        foreach ((WantedContainer want, ContainerStatus status) in Join(desired.Regular, regular))
        {
            if (status.State is Running) others.Running++;
            else if (EndOf(status) is not { } end) others.Unstarted++;
            else
            {
                others.Stopped++;
                others.Failed += end.ExitCode == 0 ? 0 : 1;
                others.Restartable += MayRunAgain(want, end) ? 1 : 0;
            }
        }
        if (initFailed) return PodPhase.Failed;
        bool initialized = others.Stopped > 0 || regular.Any(c => c.State is Running);
        if ((initPending && !initialized) || others.Unstarted > 0 || others.Running + others.Stopped == 0) return PodPhase.Pending;
        if (others.Running > 0 || others.Restartable > 0) return PodPhase.Running;
        return others.Failed == 0 ? PodPhase.Succeeded : PodPhase.Failed;

        bool MayRunAgain(WantedContainer want, Terminated end) =>
            mayRestart && (end.Reason == PodRestart.Reason || RestartRule.Allows(want, desired.Restart, end.ExitCode));
    }

    private static Terminated? EndOf(ContainerStatus status) => status.State as Terminated ?? (status.State is Waiting ? status.LastState : null);

    private static IEnumerable<(WantedContainer, ContainerStatus)> Join(IEnumerable<WantedContainer> wanted, IReadOnlyList<ContainerStatus> statuses) =>
        wanted.Join(statuses, want => want.Name, status => status.Name, (want, status) => (want, status));

    private struct Count
    {
        public int Running, Stopped, Failed, Restartable, Unstarted;
    }
}
