using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using NativeKubelet.Core.Resize;

namespace NativeKubelet.Runtime.Containers;

/// <summary>
/// What outlives the agent of one container, in DATA/containers/ID/record.json. Written without fsync when the container
/// starts (nothing waits for the disk on the way to its first instruction) and with fsync at its exit, the moment whose
/// loss would start a finished container again.
/// </summary>
/// <param name="BootId">The boot in which it ran: what says "running" from another boot has been ended by it.</param>
/// <param name="CgroupPath">Its own group, below each hierarchy's root.</param>
/// <param name="StopSignal">A number; what StopContainer sends first.</param>
/// <param name="TerminationLog">The file bound at terminationMessagePath.</param>
/// <param name="BeforeStop">The container as JSON, as far as its hook before the stop needs it; null: it has none.</param>
/// <param name="Amounts">What it was started with; null in records of old agents. What it was given since, its sandbox's record tells.</param>
public sealed record ContainerRecord(
    int Version,
    string Id,
    string SandboxId,
    string PodUid,
    string PodName,
    string PodNamespace,
    int SandboxAttempt,
    string Name,
    int RestartCount,
    int BackoffStep,
    string Hash,
    string Image,
    string ImageId,
    string BootId,
    string CgroupPath,
    int StopSignal,
    string LogPath,
    string TerminationLog,
    string TerminationPolicy,
    bool StdinOnce,
    DateTimeOffset CreatedAt,
    ContainerPhase Phase,
    int Pid,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    int ExitCode,
    string Reason,
    string Message,
    RecordedUser? User = null,
    string? BeforeStop = null,
    bool Ephemeral = false,
    ResizableAmounts? Amounts = null)
{
    public const int CurrentVersion = 1;

    public ContainerState ToState() => new(
        Id, SandboxId, Name, RestartCount, BackoffStep, Hash, Image, ImageId, Phase, Pid, CreatedAt, StartedAt, FinishedAt, ExitCode, Reason, Message, LogPath)
    { User = User is { } user ? new(user.Uid, user.Gid, new(user.Groups)) : null, BeforeStop = BeforeStop, Ephemeral = Ephemeral, Amounts = Amounts };

    /// <summary>The record of a container that ended; what is known of the end stands, whoever learned it first.</summary>
    public ContainerRecord Ended(int exitCode, string reason, string message, DateTimeOffset at) =>
        Phase == ContainerPhase.Exited ? this
        // What ends at once has ended before the OCI runtime has told us that it began.
        : this with { Phase = ContainerPhase.Exited, Pid = 0, ExitCode = exitCode, Reason = reason, Message = message, StartedAt = StartedAt > at ? at : StartedAt, FinishedAt = at };

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, RuntimeRecordsJson.Default.ContainerRecord);

    /// <returns>Null when the bytes are no record that this build can read.</returns>
    public static ContainerRecord? TryParse(ReadOnlySpan<byte> json)
    {
        try
        {
            ContainerRecord? record = JsonSerializer.Deserialize(json, RuntimeRecordsJson.Default.ContainerRecord);
            return record is { Version: CurrentVersion, Id.Length: 64, PodUid.Length: > 0, Name.Length: > 0 } ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Whom a container's first process began as.</summary>
public sealed record RecordedUser(uint Uid, uint Gid, ImmutableArray<uint> Groups);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(ContainerRecord))]
[JsonSerializable(typeof(Sandboxes.SandboxRecord))]
public sealed partial class RuntimeRecordsJson : JsonSerializerContext;
