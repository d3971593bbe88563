using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>What a group with all below it has used. Null: the kernel does not say.</summary>
/// <param name="CpuNanoseconds">Since the group was made.</param>
/// <param name="WorkingSet">Memory in use without the file cache that has not been touched lately.</param>
public readonly record struct CgroupUsage(long? CpuNanoseconds, long? Memory, long? WorkingSet, long? Rss, long? PageFaults, long? MajorFaults, long? Pids);

/// <summary>
/// Reads one group's usage again and again through files that stay open: no garbage, no path lookups; at most four
/// descriptors, for each of which the kernel keeps a page. Not for two threads at once.
/// </summary>
public sealed class CgroupUsageReader : IDisposable
{
    /// <summary>Enough for every file that is read: memory.stat, the longest, has about 1500 bytes.</summary>
    public const int ScratchBytes = 8192;

    private readonly bool _unified, _machine;
    private readonly FileDescriptor? _cpu, _memory, _memoryStat, _pids;
    private readonly byte[] _scratch;
    private bool _gone;

    /// <summary>Files that are not there (a controller that is not mounted, a group that is gone) leave their values null.</summary>
    /// <param name="scratch">Of <see cref="ScratchBytes"/>; readers that one thread uses in turn may share it.</param>
    public CgroupUsageReader(CgroupLayout layout, string group, byte[]? scratch = null)
    {
        _unified = layout.Unified;
        _scratch = scratch ?? new byte[ScratchBytes];
        _cpu = Open(layout, group, "cpuacct", _unified ? "cpu.stat" : "cpuacct.usage");
        _memory = Open(layout, group, "memory", _unified ? "memory.current" : "memory.usage_in_bytes");
        _memoryStat = Open(layout, group, "memory", "memory.stat");
        _pids = Open(layout, group, "pids", "pids.current");
        _gone = _cpu is null && _memoryStat is null;
        if (_gone || _pids is not null || group != "/") return;
        // The root has no pids.current; the machine counts its tasks elsewhere.
        _machine = true;
        _pids = Open("/proc/loadavg");
    }

    /// <summary>Why a file that is there could not be opened, as the kernel gave it; null if all is well.</summary>
    public ErrnoException? Refusal { get; private set; }

    /// <returns>Null when the group is gone; it stays so, also when another group of that name is made.</returns>
    public CgroupUsage? Read()
    {
        ReadOnlySpan<byte> text = Text(_cpu);
        long? cpu = _unified ? CgroupText.Keyed(text, "usage_usec"u8) * 1000 : CgroupText.Single(text);
        long? memory = CgroupText.Single(Text(_memory));
        text = Text(_pids);
        long? pids = _machine ? CgroupText.Tasks(text) : CgroupText.Single(text);
        text = Text(_memoryStat);
        long? anonymous = CgroupText.Keyed(text, _unified ? "anon"u8 : "total_rss"u8);
        // The root of version 2 has no memory.current.
        if (_unified && _memory is null) memory = anonymous + CgroupText.Keyed(text, "file"u8);
        // The total_ keys of version 1 count what is below, as version 2 always does.
        long? inactive = CgroupText.Keyed(text, _unified ? "inactive_file"u8 : "total_inactive_file"u8);
        return _gone ? null : new(
            cpu,
            memory,
            memory is { } used ? Math.Max(0, used - (inactive ?? 0)) : null,
            anonymous,
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

    private FileDescriptor? Open(CgroupLayout layout, string group, string controller, string file) =>
        layout.For(controller) is { } hierarchy ? Open($"{hierarchy.Directory(group)}/{file}") : null;

    private FileDescriptor? Open(string path)
    {
        int errno = CgroupFile.TryOpen(path, out FileDescriptor file);
        if (errno == 0) return file;
        file.Dispose();
        if (errno is not (Errno.ENOENT or Errno.ENODEV)) Refusal = new("open", path, errno);
        return null;
    }

    private ReadOnlySpan<byte> Text(FileDescriptor? file)
    {
        if (file is null) return default;
        int count = CgroupFile.ReadAtStart(file, _scratch);
        if (count == -Errno.ENODEV) _gone = true;
        return count <= 0 ? default : _scratch.AsSpan(0, count);
    }
}
