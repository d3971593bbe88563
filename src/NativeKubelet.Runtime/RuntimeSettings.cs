using System.Collections.Immutable;
using NativeKubelet.Core.Containers;
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
    int LowestOomScoreAdj);

/// <param name="MaxBytes">Of one file; 0: no ceiling.</param>
/// <param name="MaxFiles">The current one counted.</param>
public readonly record struct LogCeiling(long MaxBytes, int MaxFiles);
