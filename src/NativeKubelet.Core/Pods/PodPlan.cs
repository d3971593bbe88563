namespace NativeKubelet.Core.Pods;

/// <summary>The next group of steps of one pod, in order. What follows from their outcome is decided anew.</summary>
/// <param name="Waiting">Containers that shall run and may not yet, with the words for status and event.</param>
/// <param name="WakeAt">When to look again although nothing happened; steady clock.</param>
/// <param name="IsLast">After these steps nothing is left of the pod, and its worker ends.</param>
public sealed record PodPlan(ValueList<PodStep> Steps, ValueList<WaitingContainer> Waiting, DateTimeOffset? WakeAt = null, bool IsLast = false)
{
    /// <summary>The pod is ended by the node; decided once, and final.</summary>
    public PodFailure? Failure { get; init; }

    /// <summary>Nothing of the pod is to run any more.</summary>
    public bool IsEnd { get; init; }

    /// <summary>All containers are on the way to another start.</summary>
    public bool RestartsAll { get; init; }

    public static readonly PodPlan Idle = new([], []);

    public static PodPlan Of(params ReadOnlySpan<PodStep> steps) => new([.. steps], []);
}

/// <param name="Event">What the pod's event says when the wait begins.</param>
public sealed record WaitingContainer(string Container, string Reason, string Message, string Event);

/// <summary>Why the node ends a pod that would have run on: status.reason and status.message.</summary>
public sealed record PodFailure(string Reason, string Message)
{
    private const string Eviction = "Evicted";

    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);

    /// <summary>The node has not the room that the pod takes: a warning, where others are a plain end.</summary>
    public bool IsEviction => Reason == Eviction;

    /// <summary>What its containers get to end at most; null: what the pod says. It follows from the reason, which is all that is kept.</summary>
    public TimeSpan? Grace => IsEviction ? AtOnce : null;

    /// <summary>By which evictions are counted; empty where an earlier agent evicted, or nobody did.</summary>
    public string Signal { get; init; } = "";

    /// <param name="signal">As the original names it.</param>
    public static PodFailure Evicted(string signal, string message) => new(Eviction, message) { Signal = signal };
}

/// <summary>One effect that the executor carries out.</summary>
public abstract record PodStep;

/// <summary>Stops containers side by side, each on its own clock and in its turn.</summary>
public sealed record StopContainers(ValueList<ContainerStop> Containers) : PodStep;

/// <summary>Stops containers as above and then takes the sandboxes down.</summary>
public sealed record StopPod(ValueList<ContainerStop> Containers, ValueList<string> Sandboxes) : PodStep;

/// <param name="Grace">For its hook, its turn and its stop signal together.</param>
/// <param name="Message">Of the Killing event.</param>
/// <param name="Turn">Its stop signal waits for the ends of all with a lower number, but for those without a turn.</param>
public sealed record ContainerStop(string Id, string Container, TimeSpan Grace, string Message, AfterStop Then = AfterStop.ByPolicy, int Turn = 0)
{
    /// <summary>It waits for nobody, and nobody for it.</summary>
    public const int NoTurn = -1;
}

/// <summary>What becomes of a container that was stopped.</summary>
public enum AfterStop
{
    /// <summary>What its policy and exit code say.</summary>
    ByPolicy,

    /// <summary>It has failed, whatever its exit code: it runs again after its back-off.</summary>
    Restart,

    /// <summary>It is not to blame: another instance takes its place at once, whatever its policy and exit code.</summary>
    Replace,
}

/// <summary>Data directory, cgroup, volumes, then holder, pause and network.</summary>
public sealed record CreateSandbox(int Attempt) : PodStep;

/// <summary>Image, then the container itself.</summary>
/// <param name="RestartCount">Null: no record tells; the log files on disk do.</param>
public sealed record StartContainer(string Container, string SandboxId, int? RestartCount, int BackoffStep) : PodStep;

/// <summary>What the pod wants done right after a container's start; nothing else of the pod is started before it has ended.</summary>
public sealed record RunPostStart(string Id, string Container) : PodStep;

/// <summary>Marks instances: whether they run or have ended, and however, others take their places.</summary>
public sealed record SupersedeContainers(ValueList<string> Ids) : PodStep;

public sealed record RemoveContainer(string Id) : PodStep;

public sealed record RemoveSandbox(string Id) : PodStep;

/// <summary>Volumes and cgroup of a pod that runs nothing any more; logs and records stay.</summary>
public sealed record TearDown : PodStep;

/// <summary>Records, directories and logs of a pod that nobody asks for any more.</summary>
public sealed record Forget : PodStep;
