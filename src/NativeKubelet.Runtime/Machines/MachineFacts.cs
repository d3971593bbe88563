using System.Collections.Immutable;
using System.Runtime.InteropServices;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.Seccomp;
using NativeKubelet.Core.Containers.SELinux;
using NativeKubelet.Core.Containers.Users;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Runtime.Machines;

/// <summary>
/// What the kernel says of this machine and of this process: read once at the start, by <see cref="MachineReader"/>. What
/// could not be read has a cautious value here and a sentence in <see cref="Doubts"/>.
/// </summary>
/// <param name="Controllers">Of control groups, those that can be used: mounted, or offered by version 2's root.</param>
/// <param name="Cpus">Online, whatever this process itself may use.</param>
/// <param name="MemoryBytes">MemTotal.</param>
/// <param name="SwapAccounted">Swap can be limited per group.</param>
/// <param name="HugePages">One per size that the kernel knows.</param>
/// <param name="PidMax">How many tasks there can be: the lower of pid_max and threads-max.</param>
/// <param name="Capabilities">What this process may hand out (CapBnd).</param>
/// <param name="OwnOomScoreAdj">This process's.</param>
/// <param name="FreeOomScore">CAP_SYS_RESOURCE is held, and in the first user namespace: any oom_score_adj can be set.</param>
/// <param name="ThermalThrottlePaths">Existing /sys/devices/system/cpu/cpuN/thermal_throttle.</param>
public sealed record MachineFacts(
    CgroupLayout Cgroups,
    ImmutableArray<string> Controllers,
    int Cpus,
    long MemoryBytes,
    long SwapBytes,
    bool SwapAccounted,
    ImmutableArray<HugePagePool> HugePages,
    long PidMax,
    string KernelRelease,
    string BootId,
    ImmutableArray<string> Capabilities,
    int OwnOomScoreAdj,
    bool FreeOomScore,
    KernelFeatures Features,
    ImmutableArray<string> ThermalThrottlePaths,
    ImmutableArray<string> Doubts)
{
    /// <summary>Nothing lower can be set here.</summary>
    public int LowestOomScoreAdj => FreeOomScore ? -1000 : OwnOomScoreAdj;

    public SeccompMachine Seccomp => SeccompMachine.Of(
        RuntimeInformation.ProcessArchitecture switch { Architecture.X64 => "amd64", Architecture.Arm64 => "arm64", var other => other.ToString().ToLowerInvariant() }, KernelRelease);

    public MachineView View => new(Cgroups.Unified, ThermalThrottlePaths);

    /// <param name="cpuPeriod">cpuCFSQuotaPeriod.</param>
    /// <param name="singleProcessOomKill">Null: as version 1 can only do, and version 2 does not by itself.</param>
    /// <param name="podPids">podPidsLimit; null: none.</param>
    /// <param name="limitedSwap">memorySwap.swapBehavior is LimitedSwap.</param>
    public LimitSettings Limits(bool cpuQuota, TimeSpan cpuPeriod, bool? singleProcessOomKill, long? podPids, bool limitedSwap) => new(
        MemoryBytes,
        Cgroups.Unified,
        // A limit that the runtime cannot write would fail the container.
        Controllers.Contains("hugetlb") ? [.. HugePages.Select(p => Hugepages.SizeName(p.PageBytes))] : [],
        cpuQuota,
        (long)cpuPeriod.TotalMicroseconds,
        SwapAccounted,
        SwapBytes,
        limitedSwap,
        singleProcessOomKill ?? !Cgroups.Unified,
        podPids ?? -1);

    public RuntimeSettings Settings(RuntimePaths paths, RuncCommand runc, LogCeiling logs, LimitSettings limits, string hostname, string clusterDomain) =>
        new(paths, runc, logs, limits, View, BootId, hostname, clusterDomain, Capabilities, LowestOomScoreAdj,
            new(SeccompDefault: false, Path.Combine(paths.Root, "seccomp"), Features.Seccomp, Features.AppArmor, Seccomp) { SELinux = Features.SELinux, Users = Features.UserNamespaces ? IdPool.Standard(65536) : null });

    /// <summary>What the node reports as its capacity (spec 20 §3.2).</summary>
    /// <param name="storageBytes">Of the file system that holds --root-dir; null where storage is not counted.</param>
    public ResourceAmounts Capacity(int pods, long? storageBytes)
    {
        ResourceAmounts capacity = ResourceAmounts.None
            .With("cpu", Quantity.FromWhole(Cpus))
            .With("memory", Binary(MemoryBytes))
            .With("pods", Quantity.FromWhole(pods));
        if (storageBytes is { } bytes) capacity = capacity.With("ephemeral-storage", Binary(bytes));
        foreach (HugePagePool pool in HugePages) capacity = capacity.With($"hugepages-{Binary(pool.PageBytes)}", Binary(pool.PageBytes * pool.Pages));
        return capacity;
    }

    private static Quantity Binary(long bytes) => Quantity.FromWhole(bytes, QuantityFormat.BinarySi);
}

/// <param name="Pages">Set aside (nr_hugepages), used or not.</param>
public readonly record struct HugePagePool(long PageBytes, long Pages);

/// <param name="SELinux">What containers are labelled with; null: no SELinux, or one that has no policy.</param>
/// <param name="Overlay">overlayfs is there, or is a module that the kernel loads when it is mounted.</param>
public sealed record KernelFeatures(bool CgroupNamespaces, bool UserNamespaces, bool Seccomp, bool AppArmor, SELinuxContexts? SELinux, bool Overlay);
