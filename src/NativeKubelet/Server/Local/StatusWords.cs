using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Local;

/// <summary>What kubectl shows in its STATUS column.</summary>
public static class StatusWords
{
    /// <summary>The last container that is in trouble speaks for the pod; before them the init container that holds up the others.</summary>
    public static string Of(PodView view)
    {
        string word = Initializing(view) ?? OfContainers(view);
        return view.Pod.Metadata.DeletionTimestamp is null ? word : "Terminating";
    }

    /// <returns>Init:1/2, Init:CrashLoopBackOff …; null once the containers that stay may run.</returns>
    public static string? Initializing(PodView view)
    {
        if (view.Status.Conditions.Any(c => c is { Type: PodConditions.Initialized, Status: true })) return null;
        int count = view.Status.InitContainers.Count;
        for (int i = 0; i < count; i++)
        {
            ContainerStatus c = view.Status.InitContainers[i];
            bool passed = c.State is Terminated { ExitCode: 0 } || c.Started && view.Pod.Spec.InitContainers?.Any(s => s.Name == c.Name && PodResources.IsSidecar(s)) == true;
            if (passed) continue;
            return c.State switch
            {
                Terminated ended => "Init:" + Word(ended),
                Waiting { Reason: not ("" or "PodInitializing") } waiting => "Init:" + waiting.Reason,
                _ => $"Init:{i}/{count}",
            };
        }
        return null;
    }

    private static string OfContainers(PodView view)
    {
        string word = view.Status.Reason.Length > 0 ? view.Status.Reason : view.Status.Phase.ToString();
        bool running = false;
        foreach (ContainerStatus c in view.Status.Containers.Reverse())
        {
            switch (c.State)
            {
                case Waiting { Reason.Length: > 0 } waiting: word = waiting.Reason; break;
                case Terminated ended: word = Word(ended); break;
                case Running when c.Ready: running = true; break;
            }
        }
        return word == "Completed" && running ? view.Status.IsReady ? "Running" : "NotReady" : word;
    }

    private static string Word(Terminated ended) =>
        ended.Reason.Length > 0 ? ended.Reason : ended.ExitCode > 128 ? $"Signal:{ended.ExitCode - 128}" : $"ExitCode:{ended.ExitCode}";
}
