using NativeKubelet.Core.Resize;

namespace NativeKubelet.Core.Pods;

/// <summary>What the runtime has of one pod: every sandbox attempt that is still recorded, oldest first.</summary>
public sealed record PodObserved(ValueList<SandboxObserved> Sandboxes)
{
    public static readonly PodObserved Nothing = new(ValueList<SandboxObserved>.Empty);

    public SandboxObserved? NewestSandbox => Sandboxes.Count == 0 ? null : Sandboxes[^1];

    public IEnumerable<ContainerObserved> Containers => Sandboxes.SelectMany(sandbox => sandbox.Containers);

    /// <summary>All instances of one container, newest first.</summary>
    public IReadOnlyList<ContainerObserved> Instances(string name) =>
        [.. Containers.Where(c => c.Name == name).OrderByDescending(c => c.RestartCount).ThenByDescending(c => c.CreatedAt)];

    public ContainerObserved? Newest(string name) => Instances(name) is [var newest, ..] ? newest : null;

    /// <summary>Orders what a listing of sandboxes gave, so that two listings of the same facts are equal.</summary>
    public static PodObserved Of(IEnumerable<SandboxObserved> sandboxes) =>
        new(sandboxes.OrderBy(s => s.Attempt).ThenBy(s => s.CreatedAt).ThenBy(s => s.Id, StringComparer.Ordinal).ToValueList());
}

/// <param name="Ready">The pause lives and the network is up.</param>
public sealed record SandboxObserved(
    string Id,
    int Attempt,
    bool Ready,
    bool HostNetwork,
    ValueList<string> Ips,
    DateTimeOffset CreatedAt,
    ValueList<ContainerObserved> Containers)
{
    /// <summary>What the pod's group was given last; null where the record of an older agent does not tell.</summary>
    public PodAllocation? Granted { get; init; }

    /// <summary>A resize was begun and has not come to its end.</summary>
    public bool Resizing { get; init; }
}

public enum ContainerRunState { Created, Running, Exited, Unknown }

/// <summary>One instance of a container as the runtime recorded it; times are wall-clock times for people to read.</summary>
/// <param name="BackoffStep">How many crash-loop waits in a row led to this instance; 0 for the first.</param>
/// <param name="ExitCode">128+n for a death by signal n; 255 where it was lost.</param>
public sealed record ContainerObserved(
    string Id,
    string SandboxId,
    string Name,
    int RestartCount,
    int BackoffStep,
    string Hash,
    string Image,
    string ImageId,
    ContainerRunState State,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    int ExitCode,
    string Reason,
    string Message)
{
    /// <summary>Null where the record does not tell.</summary>
    public LinuxUser? User { get; init; }

    /// <summary>It was started as one.</summary>
    public bool Ephemeral { get; init; }

    /// <summary>What its group was given last; null where the record does not tell.</summary>
    public ResizableAmounts? Amounts { get; init; }

    /// <summary>All containers of its pod are restarted: it is killed if it runs, and another instance follows however it ended.</summary>
    public bool Superseded { get; init; }

    /// <summary>Anything but a proven exit: it has to be stopped before another instance may start.</summary>
    public bool MayLive => State != ContainerRunState.Exited;
}
