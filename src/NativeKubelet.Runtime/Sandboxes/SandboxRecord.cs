using System.Collections.Immutable;
using System.Text.Json;
using NativeKubelet.Core.Containers.Users;
using NativeKubelet.Core.Resize;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>
/// One sandbox, in RUN/sandboxes/ID/record.json: everything that a restarted agent needs to find it again and to take it
/// down. RUN is a tmpfs, so a reboot forgets it, and it is never synced.
/// </summary>
/// <param name="PausePid">0 until the pause runs.</param>
/// <param name="Network">"host", or "pod" where the sandbox has a namespace of its own.</param>
/// <param name="FirstUser">With <paramref name="Users"/> above 0: the host's id of root in the pod's own user namespace.</param>
/// <param name="Handler">Of the OCI runtime that runs its containers; empty: the node's own.</param>
/// <param name="Granted">What the pod's group was given last, as PodAllocation's lines; null in records of old agents.</param>
/// <param name="Resizing">The groups are being changed: they may be anything between two grants.</param>
/// <param name="Resized">By container ID: what running containers were given since their start.</param>
/// <param name="Superseded">IDs of containers that make room for others, as all of the pod are restarted. Not in their own records, which change with their ends.</param>
/// <param name="Ready">False from the moment on which any part of it was found dead or taken down.</param>
public sealed record SandboxRecord(
    int Version,
    string Id,
    string PodUid,
    string PodName,
    string PodNamespace,
    int Attempt,
    string BootId,
    string Hostname,
    string CgroupParent,
    string Network,
    bool HostIpc,
    bool HostPid,
    bool SharePid,
    int HolderPid,
    int PausePid,
    bool Ready,
    ImmutableArray<string> Ips,
    DateTimeOffset CreatedAt,
    uint FirstUser = 0,
    uint Users = 0,
    string Handler = "",
    string? Granted = null,
    bool Resizing = false,
    ImmutableDictionary<string, ResizableAmounts>? Resized = null,
    ImmutableHashSet<string>? Superseded = null)
{
    public const int CurrentVersion = 1;

    public bool HostNetwork => Network == "host";

    /// <summary>Null for a pod of the host's users.</summary>
    public IdRange? UserRange => Users > 0 ? new IdRange(FirstUser, Users) : null;

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, RuntimeRecordsJson.Default.SandboxRecord);

    /// <returns>Null when the bytes are no record that this build can read.</returns>
    public static SandboxRecord? TryParse(ReadOnlySpan<byte> json)
    {
        try
        {
            SandboxRecord? record = JsonSerializer.Deserialize(json, RuntimeRecordsJson.Default.SandboxRecord);
            return record is { Version: CurrentVersion, Id.Length: 64, PodUid.Length: > 0 } ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
