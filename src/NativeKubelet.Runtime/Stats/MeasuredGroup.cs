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

    /// <summary>The last sample found no group.</summary>
    public bool Gone { get; private set; }

    public ErrnoException? Refusal => _reader?.Refusal;

    /// <param name="now">Monotonic; at least a second after the last call.</param>
    /// <returns>Null when the group is gone.</returns>
    public UsageSample? Sample(CgroupLayout layout, byte[] scratch, TimeProvider time, long now)
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
        Gone = read is null;
        if (read is not { } usage) return null;
        long? rate = CpuRate.NanoCores(_cpu, usage.CpuNanoseconds, time.GetElapsedTime(_at, now));
        (_cpu, _at) = (usage.CpuNanoseconds, now);
        return new(usage, rate);
    }

    public void Dispose() => _reader?.Dispose();
}
