using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Oci;

/// <summary>linux.seccomp of config.json: what the OCI runtime makes a filter of.</summary>
/// <param name="DefaultErrnoRet">Of a default action that answers with an error; null: EPERM.</param>
public sealed record RuntimeSeccomp(
    string DefaultAction,
    IReadOnlyList<string> Architectures,
    IReadOnlyList<RuntimeSyscalls> Syscalls,
    uint? DefaultErrnoRet = null,
    IReadOnlyList<string>? Flags = null);

public sealed record RuntimeSyscalls(
    IReadOnlyList<string> Names, string Action, uint? ErrnoRet = null, IReadOnlyList<RuntimeSyscallArgument>? Args = null);

/// <param name="Value">With SCMP_CMP_MASKED_EQ the mask; <paramref name="ValueTwo"/> is then what must remain.</param>
public sealed record RuntimeSyscallArgument(uint Index, ulong Value, string Op, ulong? ValueTwo = null);

/// <summary>
/// A seccomp profile as people write it: the runtime's own form, and the wider one with architecture maps and conditions.
/// </summary>
public sealed record SeccompFile(
    string? DefaultAction = null,
    uint? DefaultErrnoRet = null,
    IReadOnlyList<string>? Architectures = null,
    IReadOnlyList<SeccompArchitecture>? ArchMap = null,
    IReadOnlyList<string>? Flags = null,
    string? ListenerPath = null,
    IReadOnlyList<SeccompRule>? Syscalls = null);

public sealed record SeccompArchitecture(string? Architecture = null, IReadOnlyList<string>? SubArchitectures = null);

/// <param name="Name">The old form of <paramref name="Names"/>.</param>
/// <param name="Includes">All of it must hold for the rule to count.</param>
/// <param name="Excludes">Any of it takes the rule away.</param>
public sealed record SeccompRule(
    string? Name = null,
    IReadOnlyList<string>? Names = null,
    string? Action = null,
    uint? ErrnoRet = null,
    IReadOnlyList<RuntimeSyscallArgument>? Args = null,
    SeccompCondition? Includes = null,
    SeccompCondition? Excludes = null);

/// <param name="Caps">Capabilities of the container, CAP_ and all.</param>
/// <param name="Arches">As Go names them: amd64, arm64.</param>
/// <param name="MinKernel">MAJOR.MINOR.</param>
public sealed record SeccompCondition(IReadOnlyList<string>? Caps = null, IReadOnlyList<string>? Arches = null, string? MinKernel = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SeccompFile))]
public sealed partial class SeccompFileJson : JsonSerializerContext;
