using System.Collections.Immutable;
using System.Globalization;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Composition;

/// <summary>What the kernel says of this machine and of this process; read once, at the start.</summary>
internal sealed record Machine(
    CgroupLayout Cgroups, long MemoryBytes, int Cpus, ImmutableArray<long> HugepageSizes, string BootId, ImmutableArray<string> Capabilities, int LowestOomScoreAdj)
{
    public static Machine Read()
    {
        ImmutableArray<string> capabilities = BoundingSet(File.ReadAllText("/proc/self/status"));
        return new(
            CgroupLayout.Detect(), MachineMemory.Total(), Environment.ProcessorCount, MachineMemory.HugepageSizes(),
            File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(), capabilities,
            capabilities.Contains("CAP_SYS_RESOURCE") ? -1000 : int.Parse(File.ReadAllText("/proc/self/oom_score_adj"), CultureInfo.InvariantCulture));
    }

    /// <param name="root">Where ephemeral storage is counted: --root-dir.</param>
    public ResourceAmounts Capacity(int pods, string root) => ResourceAmounts.None
        .With("cpu", Quantity.FromWhole(Cpus))
        .With("memory", Quantity.FromWhole(MemoryBytes, QuantityFormat.BinarySi))
        .With("pods", Quantity.FromWhole(pods))
        .With("ephemeral-storage", Quantity.FromWhole(FileSystemSpace.Of(root).TotalBytes, QuantityFormat.BinarySi));

    internal static ImmutableArray<string> BoundingSet(string status)
    {
        string line = status.Split('\n').First(l => l.StartsWith("CapBnd:", StringComparison.Ordinal));
        ulong bits = ulong.Parse(line["CapBnd:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return [.. CapabilitySet.All.Where((_, number) => (bits >> number & 1) == 1)];
    }
}
