using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Pods;
using NativeKubelet.Events;

namespace NativeKubelet.Pods;

/// <summary>What happens to pods, told once to the node's events and once to its log.</summary>
public sealed partial class PodEvents(EventLog events, ILogger<PodEvents> log)
{
    public void Normal(V1Pod pod, string reason, string message, string container = "") => Record(EventType.Normal, pod, container, reason, message);

    public void Warning(V1Pod pod, string reason, string message, string container = "") => Record(EventType.Warning, pod, container, reason, message);

    public void NodeWarning(string node, string reason, string message)
    {
        events.Record(EventType.Warning, reason, $"node/{node}", node, "", message);
        NodeEvent(EventType.Warning, reason, node, message);
    }

    private void Record(EventType type, V1Pod pod, string container, string reason, string message)
    {
        string place = container.Length > 0 ? ContainerSpecs.FieldPath(pod.Spec, container) : "";
        int count = events.Record(type, reason, $"pod/{pod.Metadata.NamespaceProperty}/{pod.Metadata.Name}", pod.Metadata.Uid, container, message, place);
        // A probe that fails each second is told in the log with its count, ever more rarely.
        if (count > 0 && int.IsPow2(count)) PodEvent(type, reason, PodMessages.Format(pod), container, message, count);
    }

    [LoggerMessage(LogLevel.Information, "PodEvent type={Type} reason={Reason} pod={Pod} container={Container}: {Message} (x{Count})")]
    private partial void PodEvent(EventType type, string reason, string pod, string container, string message, int count);

    [LoggerMessage(LogLevel.Information, "NodeEvent type={Type} reason={Reason} node={Node}: {Message}")]
    private partial void NodeEvent(EventType type, string reason, string node, string message);
}
