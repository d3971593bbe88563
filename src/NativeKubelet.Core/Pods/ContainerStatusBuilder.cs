using System.Text;
using NativeKubelet.Core.Probes;

namespace NativeKubelet.Core.Pods;

/// <summary>One container's status from its records, the decision about it, and what was told before.</summary>
internal static class ContainerStatusBuilder
{
    private const string Lost = "ContainerStatusUnknown";
    private const int LostCode = 137;

    /// <summary>Last words of all containers of a pod together, in bytes.</summary>
    private const int MostWords = 12288;

    /// <param name="waiting">Set while it shall run and may not yet.</param>
    /// <param name="ended">The pod is over and this container had its turn: it gets an end even if none is proven.</param>
    public static ContainerStatus Build(
        WantedContainer want, PodIntent desired, PodObserved observed, PodProgress progress, WaitingContainer? waiting, bool ended, ContainerStatus? previous)
    {
        int words = MostWords / Math.Max(1, desired.Wanted.Count());
        IReadOnlyList<ContainerObserved> instances = [.. observed.Instances(want.Name).Select(c => c with { Message = Cut(c.Message, words) })];
        ContainerObserved? newest = instances.Count > 0 ? instances[0] : null;
        Terminated? before = instances.Count > 1 && !instances[1].MayLive ? EndOf(instances[1]) : null;
        // The start that failed last is told even in the moment when it may be tried again; not of one that stays as it ended.
        if (waiting is null && progress.Failures.GetValueOrDefault(want.Name) is { } failure && (newest is null || MayRunAgain(want, desired, newest)))
            waiting = new(want.Name, failure.Reason, failure.Message, "");
        Waiting notYet = new(desired.Pod.Spec.InitContainers is { Count: > 0 } ? "PodInitializing" : "ContainerCreating", "");

        ContainerStateOf state;
        // A record is kept of one end only; what was told of the one before it stays true.
        Terminated? last = before ?? (previous?.LastState is { } told && told.ContainerId != newest?.Id ? told : null);
        int restarts = newest?.RestartCount ?? 0;
        switch (newest)
        {
            case null when previous is { State: Running }:
                // The record is gone, which a live container's never is.
                state = notYet;
                last = new(LostCode, Lost, "The container could not be located when the pod was deleted.  The container used to be Running", null, null, previous.Id);
                restarts = previous.RestartCount + (desired.Stop is null ? 1 : 0);
                break;
            case null when want.Role == ContainerRole.Init && desired.Regular.Any(c => observed.Newest(c.Name) is not null):
                state = new Terminated(0, "Completed", "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally", null, null, "");
                break;
            case null when want.Role == ContainerRole.Ephemeral && previous is { State: Terminated end }:
                // The API server refuses a status in which one begins again.
                state = end;
                break;
            case null:
                state = waiting is null ? notYet : new Waiting(waiting.Reason, waiting.Message);
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
            case { Superseded: true } when !ended:
                state = new Waiting(PodRestart.Reason, PodRestart.Message);
                last = EndOf(newest);
                break;
            case not null when want.Role == ContainerRole.Init && !ended && observed.NewestSandbox is { Ready: true } sandbox && sandbox.Id != newest.SandboxId:
                state = notYet;      // the new sandbox runs it again
                last = EndOf(newest);
                break;
            default:
                state = EndOf(newest);
                break;
        }
        if (ended && state is not Terminated)
            state = new Terminated(LostCode, Lost, "The container could not be located when the pod was terminated", null, null, newest?.Id ?? "");

        ProbeVerdicts verdicts = newest is null ? ProbeVerdicts.None : progress.VerdictsOf(newest.Id);
        bool running = state is Running && newest is not null;
        return new(
            want.Name,
            newest is { Image.Length: > 0 } ? newest.Image : previous?.Image ?? want.Spec.Image,
            newest is { ImageId.Length: > 0 } ? newest.ImageId : previous?.ImageId ?? "",
            newest?.Id ?? previous?.Id ?? "",
            Math.Max(restarts, previous?.RestartCount ?? 0),
            Ready: want.Role switch
            {
                ContainerRole.Init => state is Terminated { ExitCode: 0 },
                ContainerRole.Ephemeral => false,
                _ => running && ContainerHealth.IsReady(want.Spec, newest!, verdicts),
            },
            Started: running && ContainerHealth.IsStarted(want.Spec, newest!, verdicts),
            state,
            last)
        { User = newest?.User ?? previous?.User, Amounts = running ? newest!.Amounts : null };
    }

    private static bool MayRunAgain(WantedContainer want, PodIntent desired, ContainerObserved newest) =>
        newest.MayLive || newest.Superseded || RestartRule.Allows(want, desired.Restart, newest.ExitCode);

    private static string Cut(string message, int bytes)
    {
        if (message.Length <= bytes / 3 || Encoding.UTF8.GetByteCount(message) <= bytes) return message;
        Span<byte> kept = new byte[bytes];
        Encoding.UTF8.GetEncoder().Convert(message, kept, flush: false, out _, out int used, out _);
        return Encoding.UTF8.GetString(kept[..used]);
    }

    private static Terminated EndOf(ContainerObserved container)
    {
        Terminated end = new(container.ExitCode, container.Reason, container.Message, container.StartedAt, container.FinishedAt, container.Id);
        return container.Superseded ? end with { Reason = PodRestart.Reason, Message = PodRestart.Message } : end;
    }
}
