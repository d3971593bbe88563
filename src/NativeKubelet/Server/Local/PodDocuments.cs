using k8s.Models;
using NativeKubelet.Api.Local;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;
using NativeKubelet.Runtime;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Local;

/// <summary>Pods as the local socket tells of them: the board's words, and where the runtime keeps the logs.</summary>
public static class PodDocuments
{
    private const string DefaultContainer = "kubectl.kubernetes.io/default-container", ConfigSource = "kubernetes.io/config.source";

    /// <summary>Sorted by namespace and name.</summary>
    public static PodListDocument List(BoardSnapshot board, IEnumerable<SandboxState> sandboxes)
    {
        ILookup<string, ContainerState> instances = sandboxes.SelectMany(s => s.Containers.Select(c => (s.PodUid, c))).ToLookup(p => p.PodUid, p => p.c);
        return new(board.Version, [.. board.Pods.Values
            .OrderBy(v => v.Namespace, StringComparer.Ordinal).ThenBy(v => v.Name, StringComparer.Ordinal)
            .Select(v => Of(v, instances[v.Uid]))]);
    }

    public static PodDocument Of(PodView view, IEnumerable<ContainerState> instances)
    {
        ILookup<string, ContainerState> byName = instances.ToLookup(i => i.Name);
        V1Pod pod = view.Pod;
        return new(
            view.Namespace, view.Name, view.Uid,
            view.Status.Phase.ToString(), StatusWords.Of(view), view.Status.Message,
            view.Status.PodIps is [string primary, ..] ? primary : "",
            view.Status.QosClass,
            Annotation(pod, ConfigSource),
            pod.Metadata.CreationTimestamp is { } created ? new DateTimeOffset(created.ToUniversalTime()) : default,
            view.Status.StartTime,
            Annotation(pod, DefaultContainer),
            [.. pod.Spec.Containers.Select(c => Container(c, view.Status.Containers.FirstOrDefault(s => s.Name == c.Name), byName[c.Name]))])
        {
            InitContainers =
            [
                .. (pod.Spec.InitContainers ?? []).Select(c => Container(c, view.Status.InitContainers.FirstOrDefault(s => s.Name == c.Name), byName[c.Name]) with
                {
                    Sidecar = PodResources.IsSidecar(c),
                }),
            ],
            EphemeralContainers =
            [
                .. (pod.Spec.EphemeralContainers ?? []).Select(ContainerSpecs.AsContainer)
                    .Select(c => Container(c, view.Status.EphemeralContainers.FirstOrDefault(s => s.Name == c.Name), byName[c.Name])),
            ],
            Initializing = StatusWords.Initializing(view) is not null,
        };
    }

    private static ContainerDocument Container(V1Container wanted, ContainerStatus? status, IEnumerable<ContainerState> instances)
    {
        ContainerState[] newestFirst = [.. instances.OrderByDescending(i => i.RestartCount).ThenByDescending(i => i.CreatedAt)];
        // Previous is the newest dead instance; one that is shown as the present state is not the previous one as well.
        ContainerState? previous = newestFirst.FirstOrDefault(i =>
            i.Phase == ContainerPhase.Exited && !(status?.State is Terminated && i == newestFirst[0]));
        ResourceAmounts limits = PodResources.LimitsOf(wanted);
        (string state, string reason, string message, int? code, DateTimeOffset? since) = status?.State switch
        {
            Running r => ("running", "", "", null, r.StartedAt),
            Terminated t => ("terminated", t.Reason, t.Message, t.ExitCode, t.FinishedAt),
            Waiting w => ("waiting", w.Reason, w.Message, (int?)null, (DateTimeOffset?)null),
            _ => ("waiting", "", "", null, null),
        };
        return new(
            wanted.Name, status?.Id ?? "", wanted.Image, status?.ImageId ?? "", state, reason, message, code, since,
            status?.Ready == true, status?.RestartCount ?? 0, wanted.Tty == true, wanted.Stdin == true,
            limits.Has("cpu") ? limits["cpu"].Milli : null,
            limits.Has("memory") ? limits["memory"].Whole : null,
            newestFirst.FirstOrDefault()?.LogPath ?? "", previous?.LogPath ?? "");
    }

    private static string Annotation(V1Pod pod, string name) =>
        pod.Metadata.Annotations?.TryGetValue(name, out string? value) == true ? value : "";
}
