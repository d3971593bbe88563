using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Stats;

/// <summary>One control group with what its last sample said, so that the next one gives a rate.</summary>
internal sealed class MeasuredGroup(string path) : IDisposable
{
    private CgroupUsageReader? _reader;
    private long? _cpu;
    private long _at;

    public long LastWanted { get; set; }

    /// <summary>Null before the first sample, and when the group is gone.</summary>
    public UsageSample? Last { get; private set; }

    public bool Gone => Last is null;

    public ErrnoException? Refusal => _reader?.Refusal;

    /// <param name="now">Monotonic; at least a second after the last call.</param>
    public void Sample(CgroupLayout layout, byte[] scratch, TimeProvider time, long now)
    {
        CgroupUsage? read = _reader?.Read();
        if (read is null)
        {
            // Never opened, or another group has been made in its place.
            _reader?.Dispose();
            _reader = new CgroupUsageReader(layout, path, scratch);
            _cpu = null;
            read = _reader.Read();
        }
        Last = null;
        if (read is not { } usage) return;
        Last = new(usage, CpuRate.NanoCores(_cpu, usage.CpuNanoseconds, time.GetElapsedTime(_at, now)));
        (_cpu, _at) = (usage.CpuNanoseconds, now);
    }

    public void Dispose() => _reader?.Dispose();
}
