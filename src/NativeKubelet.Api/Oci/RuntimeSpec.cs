using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Oci;

// The part of the OCI runtime specification (config.json, 1.0.2) that this runtime writes.

public sealed record RuntimeSpec(
    string OciVersion,
    RuntimeProcess Process,
    RuntimeRoot Root,
    IReadOnlyList<RuntimeMount> Mounts,
    RuntimeLinux Linux,
    IReadOnlyDictionary<string, string>? Annotations = null);

public sealed record RuntimeProcess(
    bool Terminal,
    RuntimeUser User,
    IReadOnlyList<string> Args,
    IReadOnlyList<string> Env,
    string Cwd,
    RuntimeCapabilities Capabilities,
    bool NoNewPrivileges,
    int? OomScoreAdj,
    string? ApparmorProfile = null,
    string? SelinuxLabel = null);

public sealed record RuntimeUser(uint Uid, uint Gid, uint? Umask, IReadOnlyList<uint> AdditionalGids);

public sealed record RuntimeCapabilities(
    IReadOnlyList<string> Bounding,
    IReadOnlyList<string> Effective,
    IReadOnlyList<string> Permitted,
    IReadOnlyList<string> Inheritable,
    IReadOnlyList<string> Ambient);

public sealed record RuntimeRoot(string Path, bool Readonly);

public sealed record RuntimeMount(string Destination, string Type, string Source, IReadOnlyList<string> Options);

public sealed record RuntimeLinux(
    IReadOnlyList<RuntimeNamespace> Namespaces,
    RuntimeResources Resources,
    string CgroupsPath,
    string? RootfsPropagation,
    IReadOnlyList<string> MaskedPaths,
    IReadOnlyList<string> ReadonlyPaths,
    IReadOnlyList<RuntimeDevice>? Devices = null,
    RuntimeSeccomp? Seccomp = null,
    IReadOnlyList<RuntimeIdMapping>? UidMappings = null,
    IReadOnlyList<RuntimeIdMapping>? GidMappings = null,
    string? MountLabel = null);

public sealed record RuntimeIdMapping(uint ContainerID, uint HostID, uint Size);

/// <param name="Path">Null: a new namespace; else the one to join.</param>
public sealed record RuntimeNamespace(string Type, string? Path = null);

public sealed record RuntimeDevice(string Path, string Type, long Major, long Minor, uint FileMode, uint Uid, uint Gid);

public sealed record RuntimeResources(
    IReadOnlyList<RuntimeDeviceRule> Devices,
    RuntimeCpu? Cpu = null,
    RuntimeMemory? Memory = null,
    RuntimePids? Pids = null,
    IReadOnlyList<RuntimeHugepageLimit>? HugepageLimits = null,
    IReadOnlyDictionary<string, string>? Unified = null);

public sealed record RuntimeDeviceRule(bool Allow, string? Type = null, long? Major = null, long? Minor = null, string? Access = null);

/// <param name="Quota">Microseconds per period; -1 for none.</param>
public sealed record RuntimeCpu(ulong? Shares = null, long? Quota = null, ulong? Period = null, string? Cpus = null, string? Mems = null);

/// <param name="Swap">Memory and swap together, in bytes.</param>
public sealed record RuntimeMemory(long? Limit = null, long? Swap = null);

public sealed record RuntimePids(long Limit);

public sealed record RuntimeHugepageLimit(string PageSize, ulong Limit);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RuntimeSpec))]
[JsonSerializable(typeof(RuntimeProcess))]
public sealed partial class RuntimeSpecJson : JsonSerializerContext;
