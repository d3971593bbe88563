using System.Collections.Immutable;

namespace NativeKubelet.Core.Resources;

/// <summary>Values for a group that the kubelet makes. Null: leave the file as it is.</summary>
/// <param name="CpuQuota">Microseconds per period; -1: no limit.</param>
/// <param name="CpuPeriod">Microseconds.</param>
/// <param name="Memory">Bytes; -1: no limit.</param>
/// <param name="MemoryAndSwap">Version 1 only. Bytes; -1: no limit.</param>
/// <param name="Hugepages">Bytes by the kernel's size name ("2MB").</param>
public sealed record GroupLimits(
    long? CpuShares = null,
    long? CpuQuota = null,
    long? CpuPeriod = null,
    long? Memory = null,
    long? MemoryAndSwap = null,
    long? Pids = null,
    ImmutableSortedDictionary<string, long>? Hugepages = null);
