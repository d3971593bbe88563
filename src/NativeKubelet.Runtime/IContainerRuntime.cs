using System.Collections.Immutable;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime;

/// <summary>
/// The seam between the pod workers and the runtime. It speaks of sandboxes and containers, never of runc, holders or
/// mounts. Every call is idempotent in its teardown direction: "already gone" is success. Calls for one pod are made
/// by that pod's worker only, one after the other; calls for different pods run in parallel.
/// </summary>
public interface IContainerRuntime
{
    /// <summary>Every sandbox that a record names, alive or dead, with its containers; a snapshot, cheap to take.</summary>
    ImmutableArray<SandboxState> Sandboxes { get; }

    /// <summary>What changed since it was last read: one entry for a pod means "look at that pod again".</summary>
    ChannelReader<RuntimeEvent> Events { get; }

    /// <summary>Holder, pause, namespaces and network of a pod's next attempt; ready when it returns.</summary>
    /// <exception cref="RuntimeException">Nothing of the attempt is left behind.</exception>
    Task<SandboxState> CreateSandboxAsync(SandboxSpec spec, CancellationToken cancel);

    /// <summary>
    /// Its pod's directory is there. Without it volumes, hosts file and termination logs are gone, and what runs would go on with files that
    /// nobody can name: from the answer on such a sandbox is not ready, and the pod is made anew.
    /// </summary>
    bool IsWhole(string sandboxId);

    /// <summary>Takes the network down and ends pause and holder. Containers must have been stopped before.</summary>
    Task StopSandboxAsync(string sandboxId, CancellationToken cancel);

    /// <summary>Forgets a stopped sandbox and all of its container records.</summary>
    Task RemoveSandboxAsync(string sandboxId, CancellationToken cancel);

    /// <summary>Root file system, bundle and <c>runc run --detach</c>; the program runs when it returns.</summary>
    /// <exception cref="RuntimeException">
    /// With the waiting reason a Kubernetes user knows. After <c>RunContainerError</c> a record exited 128
    /// (<c>StartError</c>) remains and feeds the back-off; after the others nothing remains.
    /// </exception>
    Task<ContainerState> StartContainerAsync(ContainerStart start, CancellationToken cancel);

    /// <summary>The container's stop signal, at most <paramref name="grace"/>, then SIGKILL; returns when it is reaped.</summary>
    Task StopContainerAsync(string containerId, TimeSpan grace, CancellationToken cancel);

    /// <summary>Completes when the container has ended; at once when it has, or is not known. Any caller, any time.</summary>
    Task EndOfAsync(string containerId);

    /// <summary>Removes a container that is not running: record, writable layer, bundle, logs.</summary>
    Task RemoveContainerAsync(string containerId, CancellationToken cancel);

    /// <summary>Marks containers of a pod as superseded, those of its newest sandbox last and all at once. Those that are gone are passed over.</summary>
    void Supersede(IReadOnlyCollection<string> containerIds);

    /// <summary>Gives the groups of a pod and of its running containers what the pod is granted.</summary>
    /// <exception cref="RuntimeException">ResizePodInPlaceError: some of it may be done, and the snapshot says so until another call does it all.</exception>
    Task ResizeAsync(PodResize resize, CancellationToken cancel);

    /// <summary>Starts a process in a running container. Any caller, any time.</summary>
    /// <exception cref="RuntimeException">ExecFailed: no such running container, or the OCI runtime's own words.</exception>
    Task<ExecSession> ExecAsync(ExecStart start, CancellationToken cancel);

    /// <summary>Copies a running container's output to the given ends, and its input from one. Any caller, any time.</summary>
    /// <exception cref="RuntimeException">AttachFailed: no such running container, or its holder's words.</exception>
    Task<AttachSession> AttachAsync(AttachStart start, CancellationToken cancel);

    /// <summary>Connects to a TCP port of the pod's own loopback, 127.0.0.1 or else ::1. Any caller, any time.</summary>
    /// <exception cref="RuntimeException">PortForwardFailed: nothing listens there, or the sandbox is gone.</exception>
    Task<Socket> DialAsync(string sandboxId, int port, CancellationToken cancel);
}

/// <summary>The ends stay the caller's. With <paramref name="Tty"/> they are not used: the session's terminal takes their place.</summary>
/// <param name="In">Null: /dev/null.</param>
public sealed record ExecStart(string ContainerId, ImmutableArray<string> Command, bool Tty, SafeHandle? In, SafeHandle? Out, SafeHandle? Error)
{
    /// <summary>Whoever starts it waits for its end, and it is measured until then.</summary>
    public bool ToItsEnd { get; init; }
}

/// <param name="Terminal">The outer end of the process's terminal, the caller's to dispose; null without a terminal.</param>
/// <param name="Exit">The exit code, 128+n for a death by signal n; 255 where it was lost.</param>
/// <param name="SignalAsync">Sends a signal to the process.</param>
public sealed record ExecSession(FileDescriptor? Terminal, Task<int> Exit, Func<int, CancellationToken, Task> SignalAsync);

/// <param name="In">Null where the caller sends nothing; refused when the container has no stdin.</param>
public sealed record AttachStart(string ContainerId, SafeHandle? In, SafeHandle? Out, SafeHandle? Error);

/// <param name="Ended">Completes when the container has ended.</param>
/// <param name="ResizeAsync">Rows and columns of the caller's terminal.</param>
public sealed record AttachSession(Task Ended, Func<int, int, CancellationToken, Task> ResizeAsync, Func<Task> DetachAsync);

/// <param name="Pod">With the resources that it is granted.</param>
/// <param name="Containers">Those that run with others.</param>
public sealed record PodResize(string SandboxId, V1Pod Pod, ValueList<ContainerResize> Containers);

/// <summary>A pod's sandbox as it should be made (spec 32 §2). Strings are final values, nothing is left to look up.</summary>
/// <param name="Attempt">0 for the first sandbox of a pod UID, one more for each that replaces it.</param>
/// <param name="ResolvConf">Content of the pod's /etc/resolv.conf.</param>
/// <param name="CgroupParent">The pod's cgroup in the driver's own form, relative to the hierarchy's root.</param>
public sealed record SandboxSpec(
    V1Pod Pod,
    int Attempt,
    string Hostname,
    string ResolvConf,
    string CgroupParent,
    ImmutableArray<PortMapping> Ports)
{
    public string Uid => Pod.Metadata.Uid;
    public bool HostNetwork => Pod.Spec.HostNetwork == true;
    public bool HostPid => Pod.Spec.HostPID == true;
    public bool HostIpc => Pod.Spec.HostIPC == true;
    public bool SharePid => Pod.Spec.ShareProcessNamespace == true;

    /// <summary>The name of another OCI runtime; empty: the usual one.</summary>
    public string Handler { get; init; } = "";

    /// <summary>What the pod's group was given: by an earlier sandbox of the pod, or just now.</summary>
    public PodAllocation? Granted { get; init; }

    public bool OwnUsers => Pod.Spec.HostUsers == false;
}

/// <param name="HostPort">1–65535; ports without a host port are not mapped and not listed.</param>
/// <param name="Protocol">"TCP", "UDP" or "SCTP".</param>
/// <param name="HostIp">Empty: every address of the host.</param>
public sealed record PortMapping(int HostPort, int ContainerPort, string Protocol, string HostIp);

/// <param name="Ready">The pause lives and, unless the pod is on the host network, the network is up.</param>
/// <param name="Ips">First the primary; the host's addresses are not listed for host-network pods.</param>
public sealed record SandboxState(
    string Id,
    string PodUid,
    string PodName,
    string PodNamespace,
    int Attempt,
    bool Ready,
    bool HostNetwork,
    ImmutableArray<string> Ips,
    DateTimeOffset CreatedAt,
    ImmutableArray<ContainerState> Containers)
{
    /// <summary>What the pod's group was given last; null where the record of an older agent does not tell.</summary>
    public PodAllocation? Granted { get; init; }

    /// <summary>A resize was begun and has not come to its end.</summary>
    public bool Resizing { get; init; }

    /// <summary>A process in the pod's own user namespace; null for a pod of the host's users.</summary>
    public int? UsersPid { get; init; }
}

public enum ContainerPhase { Created, Running, Exited, Unknown }

/// <summary>One instance of a container. RestartCount tells instances of one name apart.</summary>
/// <param name="BackoffStep">How many crash-loop waits in a row led to this instance; 0 for the first.</param>
/// <param name="Hash">Over name and image only, as in v1.36 (spec 30 §7.4).</param>
/// <param name="Image">As reported in the pod's status: tag form if known, else as asked for.</param>
/// <param name="ImageId">Repository digest, or the config digest where no repository is known.</param>
/// <param name="ExitCode">128+n for a death by signal n; 255 where it was lost.</param>
/// <param name="Reason">Completed, Error, OOMKilled, StartError, Unknown; empty while running.</param>
public sealed record ContainerState(
    string Id,
    string SandboxId,
    string Name,
    int RestartCount,
    int BackoffStep,
    string Hash,
    string Image,
    string ImageId,
    ContainerPhase Phase,
    int Pid,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    int ExitCode,
    string Reason,
    string Message,
    string LogPath)
{
    /// <summary>Whom its first process began as; null in records of old agents.</summary>
    public LinuxUser? User { get; init; }

    /// <summary>What its group was given last; null in records of old agents.</summary>
    public ResizableAmounts? Amounts { get; init; }

    /// <summary>The container as JSON, as far as its hook before the stop needs it, for when nobody knows its pod any more; null: it has none.</summary>
    public string? BeforeStop { get; init; }

    /// <summary>It was started as an ephemeral container.</summary>
    public bool Ephemeral { get; init; }

    /// <summary>All containers of its pod are restarted, and another takes its place.</summary>
    public bool Superseded { get; init; }
}

/// <param name="Image">Already present; see IImageStore.</param>
/// <param name="Mounts">Volumes with their host sources resolved, in the order of the container's volumeMounts.</param>
/// <param name="Environment">What the pod declares, final; the image's own is added here.</param>
/// <param name="NodeMemoryBytes">MemTotal of the machine, for oom_score_adj.</param>
/// <param name="CgroupParent">The pod's cgroup in the driver's own form.</param>
public sealed record ContainerStart(
    string SandboxId,
    V1Pod Pod,
    V1Container Container,
    int RestartCount,
    int BackoffStep,
    string Hash,
    ImageRecord Image,
    ImmutableArray<KeyValuePair<string, string>> Environment,
    ImmutableArray<ResolvedMount> Mounts,
    string CgroupParent,
    long NodeMemoryBytes)
{
    public ImmutableArray<ResolvedDevice> Devices { get; init; } = [];

    public bool Ephemeral { get; init; }

    /// <summary>The container whose processes it shall see, in a pod in which each has its own; null: none.</summary>
    public string? TargetId { get; init; }
}

/// <summary>One volumeMount with the directory or file on the host that it shows.</summary>
/// <param name="Propagation">None, HostToContainer or Bidirectional.</param>
public sealed record ResolvedMount(string HostPath, string ContainerPath, bool ReadOnly, string Propagation)
{
    /// <summary>What is mounted below it is read-only too.</summary>
    public bool RecursiveReadOnly { get; init; }

    /// <summary>No program of it can be run.</summary>
    public bool NoExec { get; init; }

    /// <summary>Its owners are shown through the pod's own user namespace already.</summary>
    public bool OwnersMapped { get; init; }

    /// <summary>Its files are the pod's, so where there is SELinux they get the container's label; what is the host's keeps its own.</summary>
    public bool TakesLabel { get; init; }
}

/// <summary>A block device of the host under the name that the container knows.</summary>
public sealed record ResolvedDevice(string HostPath, string ContainerPath, bool ReadOnly);

/// <summary>Says that something about a pod may have changed; carries no truth of its own.</summary>
public sealed record RuntimeEvent(string PodUid, string SandboxId, string? ContainerId, RuntimeEventKind Kind);

public enum RuntimeEventKind { ContainerExited, SandboxDied, OutOfMemory }

/// <summary>A step failed in a way that the pod's status tells by a reason word Kubernetes users know.</summary>
/// <param name="reason">CreateContainerConfigError, CreateContainerError, RunContainerError, FailedCreatePodSandBox …</param>
public sealed class RuntimeException(string reason, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Reason { get; } = reason;
}
