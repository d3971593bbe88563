using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>One container's status from its records, the decision about it, and what was told before.</summary>
internal static class ContainerStatusBuilder
{
    private const string Lost = "ContainerStatusUnknown";
    private const int LostCode = 137;

    /// <param name="waiting">Set while it shall run and may not yet.</param>
    /// <param name="ended">The pod is over: whatever has no proven end gets one.</param>
    public static ContainerStatus Build(
        V1Container want, PodIntent desired, PodObserved observed, PodProgress progress, WaitingContainer? waiting, bool ended, ContainerStatus? previous)
    {
        IReadOnlyList<ContainerObserved> instances = observed.Instances(want.Name);
        ContainerObserved? newest = instances.Count > 0 ? instances[0] : null;
        Terminated? before = instances.Count > 1 && !instances[1].MayLive ? EndOf(instances[1]) : null;
        // The start that failed last is told even in the moment when it may be tried again.
        waiting ??= progress.Failures.GetValueOrDefault(want.Name) is { } failure ? new(want.Name, failure.Reason, failure.Message, "") : null;

        ContainerStateOf state;
        Terminated? last = before;
        int restarts = newest?.RestartCount ?? 0;
        switch (newest)
        {
            case null when previous is { State: Running }:
                // The record is gone, which a live container's never is.
                state = new Waiting("ContainerCreating", "");
                last = new(LostCode, Lost, "The container could not be located when the pod was deleted.  The container used to be Running", null, null, previous.Id);
                restarts = previous.RestartCount + (desired.Stop is null ? 1 : 0);
                break;
            case null:
                state = waiting is null ? new Waiting("ContainerCreating", "") : new Waiting(waiting.Reason, waiting.Message);
                last = previous?.LastState;
                break;
            case { State: ContainerRunState.Running }:
                state = new Running(newest.StartedAt ?? newest.CreatedAt);
                break;
            case { State: ContainerRunState.Created }:
                state = new Waiting("", "");
                break;
            case { State: ContainerRunState.Unknown }:
                state = new Terminated(LostCode, Lost, newest.Message, newest.StartedAt, newest.FinishedAt, newest.Id);
                break;
            case not null when waiting is not null && !ended:
                state = new Waiting(waiting.Reason, waiting.Message);
                last = EndOf(newest);
                break;
            default:
                state = EndOf(newest);
                break;
        }
        if (ended && state is not Terminated)
            state = new Terminated(LostCode, Lost, "The container could not be located when the pod was terminated", null, null, newest?.Id ?? "");

        bool running = state is Running;
        return new(
            want.Name,
            newest is { Image.Length: > 0 } ? newest.Image : previous?.Image ?? want.Image,
            newest is { ImageId.Length: > 0 } ? newest.ImageId : previous?.ImageId ?? "",
            newest?.Id ?? previous?.Id ?? "",
            Math.Max(restarts, previous?.RestartCount ?? 0),
            Ready: running,
            Started: running,
            state,
            last);
    }

    private static Terminated EndOf(ContainerObserved container) =>
        new(container.ExitCode, container.Reason, container.Message, container.StartedAt, container.FinishedAt, container.Id);
}
