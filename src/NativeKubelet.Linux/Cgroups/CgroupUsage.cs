using Microsoft.Win32.SafeHandles;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>What a group with all below it has used. Null: the kernel does not say.</summary>
/// <param name="CpuNanoseconds">Since the group was made.</param>
/// <param name="WorkingSet">Memory in use without the file cache that has not been touched lately.</param>
public readonly record struct CgroupUsage(long? CpuNanoseconds, long? Memory, long? WorkingSet, long? Rss, long? PageFaults, long? MajorFaults, long? Pids);

/// <summary>Reads one group's usage again and again through files that stay open: no garbage, no path lookups. Not for two threads at once.</summary>
public sealed class CgroupUsageReader : IDisposable
{
    private readonly bool _unified;
    private readonly SafeFileHandle? _cpu, _memory, _memoryStat, _pids;
    private readonly byte[] _buffer = new byte[8192];

    /// <summary>Files that are not there (a controller that is not mounted, a group that is gone) leave their values null.</summary>
    public CgroupUsageReader(CgroupLayout layout, string group)
    {
        _unified = layout.Unified;
        _cpu = Open(layout, group, "cpuacct", _unified ? "cpu.stat" : "cpuacct.usage");
        _memory = Open(layout, group, "memory", _unified ? "memory.current" : "memory.usage_in_bytes");
        _memoryStat = Open(layout, group, "memory", "memory.stat");
        _pids = Open(layout, group, "pids", "pids.current");
    }

    public CgroupUsage Read()
    {
        ReadOnlySpan<byte> text = Text(_cpu);
        long? cpu = _unified ? CgroupText.Keyed(text, "usage_usec"u8) * 1000 : CgroupText.Single(text);
        long? memory = CgroupText.Single(Text(_memory)), pids = CgroupText.Single(Text(_pids));
        text = Text(_memoryStat);
        // The total_ keys of version 1 count what is below, as version 2 always does.
        long? inactive = CgroupText.Keyed(text, _unified ? "inactive_file"u8 : "total_inactive_file"u8);
        return new(
            cpu,
            memory,
            memory is { } used ? Math.Max(0, used - (inactive ?? 0)) : null,
            CgroupText.Keyed(text, _unified ? "anon"u8 : "total_rss"u8),
            CgroupText.Keyed(text, _unified ? "pgfault"u8 : "total_pgfault"u8),
            CgroupText.Keyed(text, _unified ? "pgmajfault"u8 : "total_pgmajfault"u8),
            pids);
    }

    public void Dispose()
    {
        _cpu?.Dispose();
        _memory?.Dispose();
        _memoryStat?.Dispose();
        _pids?.Dispose();
    }

    private static SafeFileHandle? Open(CgroupLayout layout, string group, string controller, string file)
    {
        if (layout.For(controller) is not { } hierarchy) return null;
        try { return File.OpenHandle($"{hierarchy.Directory(group)}/{file}"); }
        catch (IOException) { return null; }
    }

    private ReadOnlySpan<byte> Text(SafeFileHandle? file)
    {
        if (file is null) return default;
        try { return _buffer.AsSpan(0, RandomAccess.Read(file, _buffer, 0)); }
        catch (IOException) { return default; }       // ENODEV: the group was removed
    }
}
