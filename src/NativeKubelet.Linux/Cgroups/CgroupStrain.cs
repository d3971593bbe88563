namespace NativeKubelet.Linux.Cgroups;

/// <summary>Signs that a group has too little: what it has in swap, and how long it waited. Null: the kernel does not say.</summary>
/// <param name="SwapLimit">Null: none, or version 1, which limits memory and swap together.</param>
public readonly record struct CgroupStrain(long? Swap, long? SwapLimit, Pressure? Cpu, Pressure? Memory, Pressure? Io)
{
    /// <summary>Reads one group's files once; version 1 tells no pressure.</summary>
    /// <param name="scratch">Of <see cref="CgroupUsageReader.ScratchBytes"/>.</param>
    public static CgroupStrain Read(CgroupLayout layout, string group, byte[] scratch)
    {
        GroupFiles files = new(layout, group, scratch);
        if (!layout.Unified) return new(CgroupText.Keyed(files.Text("memory", "memory.stat"), "total_swap"u8), null, null, null, null);
        return new(
            CgroupText.Single(files.Text("memory", "memory.swap.current")), CgroupText.Single(files.Text("memory", "memory.swap.max")),
            Pressure.Parse(files.Text("cpu", "cpu.pressure")), Pressure.Parse(files.Text("memory", "memory.pressure")), Pressure.Parse(files.Text("io", "io.pressure")));
    }
}
