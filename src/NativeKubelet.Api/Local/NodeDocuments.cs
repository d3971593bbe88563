using System.Text.Json;

namespace NativeKubelet.Api.Local;

/// <summary>What the agent says of itself at <c>/v1/node</c>.</summary>
/// <param name="Version">Of Kubernetes and of this program, they are one.</param>
/// <param name="CgroupMode">"v1", "hybrid" or "v2".</param>
/// <param name="Runtime">The OCI runtime and its version.</param>
/// <param name="Ready">Every pod source was read once and the runtime works.</param>
/// <param name="NotReady">Why not; empty when ready.</param>
public sealed record NodeDocument(
    string Name,
    string Version,
    int Pid,
    DateTimeOffset StartedAt,
    string CgroupMode,
    string CgroupDriver,
    string Runtime,
    bool Ready,
    string NotReady,
    NodePaths Paths);

public sealed record NodePaths(string Root, string Data, string Run, string PodLogs, string Manifests);

/// <summary>The configuration in force at <c>/v1/config</c>, and where each part of it comes from. Values that are credentials are masked.</summary>
/// <param name="Configuration">The whole KubeletConfiguration, every default filled in.</param>
/// <param name="Fields">Its fields by path, and the flags that are no field, by <c>--NAME</c>.</param>
public sealed record ConfigDocument(JsonElement Configuration, IReadOnlyList<ConfigFieldDocument> Fields, IReadOnlyList<string> Warnings);

/// <param name="Value">As text; lists and maps as JSON.</param>
/// <param name="Origin">"default", "file", "drop-in" or "flag".</param>
/// <param name="Where">FILE:LINE or --FLAG; empty for a default.</param>
public sealed record ConfigFieldDocument(string Name, string Value, string Origin, string Where);

/// <param name="About"><c>pod/NAMESPACE/NAME</c> or <c>node/NAME</c>.</param>
/// <param name="Container">Empty when it is about the object as a whole.</param>
public sealed record EventDocument(
    long Number,
    DateTimeOffset First,
    DateTimeOffset Last,
    string Type,
    string Reason,
    string About,
    string PodUid,
    string Container,
    string Message,
    int Count);

public sealed record EventListDocument(IReadOnlyList<EventDocument> Events);

/// <summary>One thing that is wrong with a manifest; <paramref name="Line"/> 0 where it is not known.</summary>
/// <param name="Severity">"error": it is not run. "warning": it runs, but something in it has no effect.</param>
/// <param name="StandIn">The last valid content runs in its place.</param>
public sealed record ProblemDocument(string Origin, int Document, int Line, string Field, string Message, string Severity, DateTimeOffset Since, bool StandIn);

public sealed record ProblemListDocument(IReadOnlyList<ProblemDocument> Problems);

/// <summary>One round of usage samples.</summary>
/// <param name="At">The default value before the first round.</param>
public sealed record UsageDocument(DateTimeOffset At, UsageFigures Node, IReadOnlyList<PodUsageDocument> Pods);

/// <param name="Name">Empty, as <paramref name="Namespace"/>, for a pod that is being taken down.</param>
public sealed record PodUsageDocument(
    string Uid, UsageFigures Total, IReadOnlyList<ContainerUsageDocument> Containers, string Namespace = "", string Name = "");

public sealed record ContainerUsageDocument(string Name, string Id, UsageFigures Usage);

/// <summary>Null: the kernel does not say, or there was no second sample yet.</summary>
/// <param name="CpuNanoCores">CPU nanoseconds used per second.</param>
public sealed record UsageFigures(long? CpuNanoCores, long? WorkingSetBytes, long? RssBytes, long? Pids);

/// <param name="Pinned">Kept from garbage collection.</param>
/// <param name="UsedBy">NAMESPACE/NAME of the pods that have a container of it, also one that has ended.</param>
public sealed record ImageDocument(
    string Id, IReadOnlyList<string> Tags, IReadOnlyList<string> Digests, long SizeBytes, bool Pinned, IReadOnlyList<string> UsedBy);

public sealed record ImageListDocument(IReadOnlyList<ImageDocument> Images);

/// <summary>
/// One line of the answer to a pull or an import. At the end come the images, a line with <paramref name="Image"/> each, or
/// one line with <paramref name="Error"/>.
/// </summary>
/// <param name="Total">0 while unknown.</param>
public sealed record PullLine(string? Layer = null, long Done = 0, long Total = 0, string? Stage = null, ImageDocument? Image = null, string? Error = null);

/// <summary>First packet of an exec or attach session; the ends follow as fds in the order in, out, error, those that are named.</summary>
/// <param name="Kind">"exec" or "attach".</param>
public sealed record StreamRequest(string Kind, string ContainerId, IReadOnlyList<string> Command, bool Tty, bool In, bool Out, bool Error);

/// <summary>Later packets of the client: a signal for an exec's process, or the terminal's new size for an attach.</summary>
public sealed record StreamControl(int? Signal = null, int? Rows = null, int? Columns = null);

/// <summary>Packets of the agent. "started" comes first (with the terminal's fd, if asked for), "exited" or "failed" last.</summary>
public sealed record StreamReply(string Kind, int ExitCode = 0, string? Error = null);
