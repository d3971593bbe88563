using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Runtime.Volumes;

namespace NativeKubelet.Status;

/// <summary>A pod's status as Kubernetes objects carry it (spec 30 §10).</summary>
public static class PodStatusWire
{
    /// <summary>The runtime's name before container IDs on every wire.</summary>
    public const string RuntimeName = "nativekubelet";

    /// <summary>The pod as the API would show it: its spec with the status told last.</summary>
    public static V1Pod ToPod(PodView view) => new()
    {
        ApiVersion = "v1",
        Kind = "Pod",
        Metadata = view.Pod.Metadata,
        Spec = view.Pod.Spec,
        Status = ToWire(view),
    };

    public static V1PodStatus ToWire(PodView view)
    {
        PodStatus status = view.Status;
        return new()
        {
            ObservedGeneration = status.ObservedGeneration,
            Phase = status.Phase.ToString(),
            Conditions = status.Conditions.Count == 0 ? null : [.. status.Conditions.Select(c => Condition(c, c.Generation ?? status.ObservedGeneration))],
            Message = Set(status.Message),
            Reason = Set(status.Reason),
            HostIP = status.HostIps.Count == 0 ? null : status.HostIps[0],
            HostIPs = status.HostIps.Count == 0 ? null : [.. status.HostIps.Select(ip => new V1HostIP { Ip = ip })],
            PodIP = status.PodIps.Count == 0 ? null : status.PodIps[0],
            PodIPs = status.PodIps.Count == 0 ? null : [.. status.PodIps.Select(ip => new V1PodIP { Ip = ip })],
            StartTime = status.StartTime?.UtcDateTime,
            InitContainerStatuses = Containers(status.InitContainers, view.Pod.Spec.InitContainers),
            ContainerStatuses = Containers(status.Containers, view.Pod.Spec.Containers),
            EphemeralContainerStatuses = Ephemeral(status.EphemeralContainers, view.Pod.Spec),
            QosClass = status.QosClass,
            // One that was refused has got nothing.
            AllocatedResources = status.Containers.Count == 0 ? null : ReportedPod.Allocated(view.Pod.Spec),
            Resources = status.Containers.Count == 0 ? null : Resources(view.Pod, status.InForce),
        };
    }

    /// <summary>What a running pod has, and what any other will get.</summary>
    private static V1ResourceRequirements Resources(V1Pod pod, PodAllocation? inForce) =>
        inForce is null ? new() { Requests = ReportedPod.Allocated(pod.Spec), Limits = ReportedPod.Limits(pod.Spec) } : ReportedPod.Has(pod, inForce);

    private static List<V1ContainerStatus>? Containers(ValueList<ContainerStatus> statuses, IList<V1Container>? specs) => statuses.Count == 0 ? null
        : [.. statuses.Select(c => Container(c, specs?.FirstOrDefault(spec => spec.Name == c.Name)))];

    private static List<V1ContainerStatus>? Ephemeral(ValueList<ContainerStatus> statuses, V1PodSpec spec)
    {
        List<V1ContainerStatus>? all = Containers(statuses, [.. (spec.EphemeralContainers ?? []).Select(ContainerSpecs.AsContainer)]);
        // It has no probes that could tell.
        foreach (V1ContainerStatus container in all ?? []) container.Started = null;
        return all;
    }

    public static string ContainerId(string id) => id.Length == 0 ? "" : $"{RuntimeName}://{id}";

    private static V1PodCondition Condition(PodCondition condition, long? generation) => new()
    {
        Type = condition.Type,
        Status = condition.Status ? "True" : "False",
        Reason = Set(condition.Reason),
        Message = Set(condition.Message),
        LastTransitionTime = condition.Since.UtcDateTime,
        ObservedGeneration = generation,
    };

    private static V1ContainerStatus Container(ContainerStatus container, V1Container? spec) => new()
    {
        Name = container.Name,
        Image = container.Image,
        ImageID = container.ImageId,
        ContainerID = Set(ContainerId(container.Id)),
        RestartCount = container.RestartCount,
        Ready = container.Ready,
        Started = container.Started,
        State = State(container.State),
        LastState = container.LastState is { } last ? State(last) : new V1ContainerState(),
        AllocatedResources = spec?.Resources?.Requests is { Count: > 0 } requests ? requests : null,
        Resources = Resources(container, spec),
        User = container.User is { } user ? new() { Linux = new() { Uid = user.Uid, Gid = user.Gid, SupplementalGroups = [.. user.Groups.Select(g => (long?)g)] } } : null,
        VolumeMounts = spec?.VolumeMounts is { Count: > 0 } mounts ? [.. mounts.Select(Mount)] : null,
    };

    /// <summary>What a running container has, and what any other will get; a server takes it for the sign that this node resizes.</summary>
    private static V1ResourceRequirements? Resources(ContainerStatus container, V1Container? spec)
    {
        if (spec is null || container.Id.Length == 0) return null;
        V1ResourceRequirements granted = new() { Requests = spec.Resources?.Requests, Limits = spec.Resources?.Limits };
        if (container.Amounts is not { } inForce) return granted;
        V1ResourceRequirements has = PodAllocation.With(granted, ReportedAmounts.Of(inForce, ResizableAmounts.Of(granted)));
        return new() { Requests = granted.Requests is null ? null : has.Requests, Limits = granted.Limits is null ? null : has.Limits };
    }

    private static V1ContainerState State(ContainerStateOf state) => state switch
    {
        Waiting waiting => new() { Waiting = new() { Reason = Set(waiting.Reason), Message = Set(waiting.Message) } },
        Running running => new() { Running = new() { StartedAt = running.StartedAt.UtcDateTime } },
        Terminated end => new()
        {
            Terminated = new()
            {
                ExitCode = end.ExitCode,
                Reason = Set(end.Reason),
                Message = Set(end.Message),
                StartedAt = end.StartedAt?.UtcDateTime,
                FinishedAt = end.FinishedAt?.UtcDateTime,
                ContainerID = Set(ContainerId(end.ContainerId)),
            },
        },
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "no such container state"),
    };

    private static V1VolumeMountStatus Mount(V1VolumeMount mount) => new()
    {
        Name = mount.Name,
        MountPath = mount.MountPath,
        ReadOnlyProperty = mount.ReadOnlyProperty == true ? true : null,
        RecursiveReadOnly = mount.ReadOnlyProperty != true ? null : Volumes.IsRecursive(mount) ? "Enabled" : "Disabled",
    };

    private static string? Set(string text) => text.Length == 0 ? null : text;
}
