using System.Collections.Immutable;
using NativeKubelet.Core.Pods;
using NativeKubelet.Runtime;

namespace NativeKubelet.Pods;

/// <summary>The runtime's snapshot as the decisions see it: one pod's part of it.</summary>
internal static class PodObservation
{
    public static PodObserved Of(ImmutableArray<SandboxState> sandboxes, string podUid)
    {
        List<SandboxObserved> own = [];
        foreach (SandboxState sandbox in sandboxes)
            if (sandbox.PodUid == podUid) own.Add(Of(sandbox));
        return own.Count == 0 ? PodObserved.Nothing : PodObserved.Of(own);
    }

    private static SandboxObserved Of(SandboxState s) => new(
        s.Id, s.Attempt, s.Ready, s.HostNetwork, s.Ips.IsDefaultOrEmpty ? [] : new(s.Ips), s.CreatedAt, s.Containers.Select(Of).ToValueList())
    { Granted = s.Granted, Resizing = s.Resizing };

    private static ContainerObserved Of(ContainerState c) => new(
        c.Id, c.SandboxId, c.Name, c.RestartCount, c.BackoffStep, c.Hash, c.Image, c.ImageId,
        c.Phase switch
        {
            ContainerPhase.Created => ContainerRunState.Created,
            ContainerPhase.Running => ContainerRunState.Running,
            ContainerPhase.Exited => ContainerRunState.Exited,
            _ => ContainerRunState.Unknown,
        },
        c.CreatedAt, c.StartedAt, c.FinishedAt, c.ExitCode, c.Reason, c.Message)
    { User = c.User, Ephemeral = c.Ephemeral, Amounts = c.Amounts, Superseded = c.Superseded };
}
