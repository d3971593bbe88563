namespace NativeKubelet.Api.Local;

/// <summary>One pod as the local socket's <c>/v1/pods</c> tells of it: what a table needs, without the whole object.</summary>
/// <param name="Status">What kubectl shows in its STATUS column: the phase, or the reason that explains it better.</param>
/// <param name="Message">Why the pod was refused or evicted; empty otherwise.</param>
/// <param name="Ip">The primary address; empty before the network is up.</param>
/// <param name="Source">"file", "http" or "api".</param>
/// <param name="DefaultContainer">The container that verbs mean when none is named; empty: the first one.</param>
public sealed record PodDocument(
    string Namespace,
    string Name,
    string Uid,
    string Phase,
    string Status,
    string Message,
    string Ip,
    string Qos,
    string Source,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartTime,
    string DefaultContainer,
    IReadOnlyList<ContainerDocument> Containers)
{
    /// <summary>Those that run before the others, in their order.</summary>
    public IReadOnlyList<ContainerDocument> InitContainers { get; init; } = [];

    /// <summary>Those that were added to look into the pod, in their order.</summary>
    public IReadOnlyList<ContainerDocument> EphemeralContainers { get; init; } = [];

    /// <summary>The pod's init containers have not all done their work.</summary>
    public bool Initializing { get; init; }

    /// <summary>As kubectl counts: init containers while they run, then those that stay.</summary>
    public int Restarts => Initializing ? InitContainers.Sum(c => c.Restarts) : Staying.Sum(c => c.Restarts);

    public int Ready => Staying.Count(c => c.Ready);

    /// <summary>How many can be ready: sidecars count, init containers that end do not.</summary>
    public int Total => Staying.Count();

    /// <summary>One of any kind; null: the pod has none of that name.</summary>
    public ContainerDocument? Find(string name) => Containers.Concat(InitContainers).Concat(EphemeralContainers).FirstOrDefault(c => c.Name == name);

    private IEnumerable<ContainerDocument> Staying => Containers.Concat(InitContainers.Where(c => c.Sidecar));
}

/// <param name="Id">Empty before the first run.</param>
/// <param name="State">"waiting", "running" or "terminated".</param>
/// <param name="Reason">CrashLoopBackOff, Completed …; empty while running.</param>
/// <param name="LogPath">The instance's log; empty before the first run.</param>
/// <param name="PreviousLogPath">The log of the instance before; empty where there is none.</param>
public sealed record ContainerDocument(
    string Name,
    string Id,
    string Image,
    string ImageId,
    string State,
    string Reason,
    string Message,
    int? ExitCode,
    DateTimeOffset? Since,
    bool Ready,
    int Restarts,
    bool Tty,
    bool Stdin,
    long? CpuLimitMillicores,
    long? MemoryLimitBytes,
    string LogPath,
    string PreviousLogPath)
{
    /// <summary>An init container that runs on beside the others.</summary>
    public bool Sidecar { get; init; }
}

/// <summary>One state of the node's pods; a watch sends one of these, as one line, per change.</summary>
/// <param name="Version">Grows with every change.</param>
public sealed record PodListDocument(long Version, IReadOnlyList<PodDocument> Pods);
