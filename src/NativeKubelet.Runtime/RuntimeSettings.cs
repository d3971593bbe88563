using System.Collections.Immutable;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.Seccomp;
using NativeKubelet.Core.Containers.SELinux;
using NativeKubelet.Core.Containers.Users;
using NativeKubelet.Core.Resources;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Runtime;

/// <summary>What the runtime is told once, at its start.</summary>
/// <param name="BootId">/proc/sys/kernel/random/boot_id: tells what ran before a reboot from what runs now.</param>
/// <param name="NodeHostname">The machine's own name, which pods on its network see.</param>
/// <param name="Capabilities">What this process may hand out (CapBnd).</param>
/// <param name="LowestOomScoreAdj">Nothing lower can be set here: without CAP_SYS_RESOURCE the agent's own.</param>
public sealed record RuntimeSettings(
    RuntimePaths Paths,
    RuncCommand Runc,
    LogCeiling Logs,
    LimitSettings Limits,
    MachineView Machine,
    string BootId,
    string NodeHostname,
    string ClusterDomain,
    ImmutableArray<string> Capabilities,
    int LowestOomScoreAdj,
    SecuritySettings Security)
{
    /// <summary>Other OCI runtimes by the names that pods' runtimeClassName uses.</summary>
    public ImmutableDictionary<string, RuncCommand> Handlers { get; init; } = ImmutableDictionary<string, RuncCommand>.Empty;

    public IEnumerable<RuncCommand> Runtimes => Handlers.Values.Prepend(Runc);

    /// <param name="handler">Empty: the node's own.</param>
    /// <returns>Null when the node has no such runtime.</returns>
    public RuncCommand? RuntimeOf(string handler) => handler.Length == 0 ? Runc : Handlers.GetValueOrDefault(handler);
}

/// <summary>What this machine can hold containers in with, and how it does where pods leave that open.</summary>
/// <param name="SeccompDefault">Containers that name no profile get the runtime's own.</param>
/// <param name="SeccompDirectory">Where profiles of type Localhost lie.</param>
public sealed record SecuritySettings(bool SeccompDefault, string SeccompDirectory, bool HasSeccomp, bool HasAppArmor, SeccompMachine Machine)
{
    /// <summary>What containers are labelled with; null: the kernel labels nothing.</summary>
    public SELinuxContexts? SELinux { get; init; }

    /// <summary>Where pods with users of their own get them from; null where the kernel has no user namespaces.</summary>
    public IdPool? Users { get; init; }
}

/// <param name="MaxBytes">Of one file; 0: no ceiling.</param>
/// <param name="MaxFiles">The current one counted.</param>
public readonly record struct LogCeiling(long MaxBytes, int MaxFiles);
