using System.Collections.Immutable;

namespace NativeKubelet.Core.Resources;

/// <summary>The machine's facts and the node's configuration that limits depend on.</summary>
/// <param name="MemoryCapacity">MemTotal in bytes.</param>
/// <param name="CpuQuota">cpuCFSQuota.</param>
/// <param name="CpuPeriod">cpuCFSQuotaPeriod in microseconds.</param>
/// <param name="HugepageSizes">Kernel names ("2MB") of the sizes whose limits can be set; empty where hugetlb is not usable.</param>
/// <param name="SwapAccounted">The kernel can limit swap per group.</param>
/// <param name="SwapTotal">Bytes of swap of the machine.</param>
/// <param name="LimitedSwap">memorySwap.swapBehavior is LimitedSwap.</param>
/// <param name="PodPids">podPidsLimit; zero or less: none.</param>
public sealed record LimitSettings(
    long MemoryCapacity,
    bool CgroupV2,
    ImmutableArray<string> HugepageSizes,
    bool CpuQuota = true,
    long CpuPeriod = 100_000,
    bool SwapAccounted = false,
    long SwapTotal = 0,
    bool LimitedSwap = false,
    bool SingleProcessOomKill = false,
    long PodPids = -1);
