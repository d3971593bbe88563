using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Resize;

/// <summary>A running container that gets other resources.</summary>
/// <param name="From">What its group was given last; null: not known.</param>
public sealed record ContainerResize(string Id, string Name, ResizableAmounts? From);

/// <summary>Gives the pod's group and those containers' what the pod is granted.</summary>
public sealed record ResizePod(string SandboxId, ValueList<ContainerResize> Containers) : PodStep;

/// <summary>What of a pod's grant its groups do not have yet. Containers that do not run get it at their start.</summary>
public static class PodResizing
{
    /// <summary>Null when every group has what it should.</summary>
    public static ResizePod? StepOf(PodIntent desired, SandboxObserved sandbox)
    {
        bool known = IsKnown(sandbox);
        List<ContainerResize> due = [];
        foreach (ContainerObserved running in Running(sandbox))
            if (Wanted(desired, running) is { } container && (!known || running.Amounts != ResizableAmounts.InForce(desired.Pod.Spec, container)))
                due.Add(new(running.Id, running.Name, known ? running.Amounts : null));
        bool wanted = known
            ? due.Count > 0 || sandbox.Granted != PodAllocation.Of(desired.Pod.Spec)
            // A record of an older agent does not tell; what runs since has what it should, as long as nobody asks for something else.
            : sandbox.Resizing || desired.Resize?.Granted is not null;
        return wanted ? new(sandbox.Id, due.ToValueList()) : null;
    }

    /// <summary>The container's policy wants it started anew for what it is granted.</summary>
    public static bool NeedsRestart(PodIntent desired, WantedContainer want, ContainerObserved running) =>
        running.Amounts is { } from && ResizePolicy.Restarts(want.Spec, from, ResizableAmounts.InForce(desired.Pod.Spec, want.Spec));

    public static bool IsUnderWay(PodIntent desired, PodObserved observed) =>
        observed.NewestSandbox is { Ready: true } sandbox && StepOf(desired, sandbox) is not null;

    /// <summary>False after a resize that did not come to its end, and for sandboxes of older agents.</summary>
    private static bool IsKnown(SandboxObserved sandbox) => sandbox is { Granted: not null, Resizing: false };

    private static IEnumerable<ContainerObserved> Running(SandboxObserved sandbox) => sandbox.Containers.Where(c => c.State == ContainerRunState.Running);

    private static V1Container? Wanted(PodIntent desired, ContainerObserved running) => PodResources.AllContainers(desired.Pod.Spec).FirstOrDefault(c => c.Name == running.Name);
}
