using k8s.Models;
using NativeKubelet.Core.Events;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Pods;

/// <summary>Tells why a pod's containers wait, each reason once as long as it stays the same.</summary>
internal sealed class WaitEvents(PodEvents events)
{
    private ValueList<WaitingContainer> _told = [];

    public void Tell(V1Pod pod, ValueList<WaitingContainer> waiting)
    {
        foreach (WaitingContainer wait in waiting)
        {
            if (wait.Event.Length == 0 || _told.Contains(wait)) continue;
            if (wait.Reason != "ImagePullBackOff")
            {
                events.Warning(pod, EventReasons.BackOff, wait.Event, wait.Container);
                continue;
            }
            events.Normal(pod, EventReasons.BackOff, wait.Event, wait.Container);
            events.Warning(pod, EventReasons.Failed, EventMessages.Error(wait.Reason), wait.Container);
        }
        _told = waiting;
    }
}
