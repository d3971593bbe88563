using System.Diagnostics;
using NativeKubelet.Core.Stats;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Cgroups;

/// <summary>A driver whose work is timed.</summary>
public sealed class MeasuredDriver(ICgroupDriver driver) : ICgroupDriver
{
    private readonly HistogramFamily _durations = new(
        "kubelet_cgroup_manager_duration_seconds", "[ALPHA] Duration in seconds for cgroup manager operations. Broken down by method.", Buckets.Usual, "operation_type");

    public Task<ErrnoException?> CreateAsync(string group, CgroupValues values, CancellationToken cancel) => MeasureAsync("create", Stopwatch.GetTimestamp(), driver.CreateAsync(group, values, cancel));

    public async Task SetAsync(string group, CgroupValues values, CancellationToken cancel)
    {
        long begun = Stopwatch.GetTimestamp();
        await driver.SetAsync(group, values, cancel);
        _durations.Of("update").Observe(Stopwatch.GetElapsedTime(begun));
    }

    public Task PlaceAsync(string leaf, int pid, CancellationToken cancel) => driver.PlaceAsync(leaf, pid, cancel);

    public Task<bool> DestroyAsync(string group, CancellationToken cancel) => MeasureAsync("destroy", Stopwatch.GetTimestamp(), driver.DestroyAsync(group, cancel));

    public void Write(MetricText to) => _durations.Write(to);

    private async Task<T> MeasureAsync<T>(string operation, long begun, Task<T> work)
    {
        T result = await work;
        _durations.Of(operation).Observe(Stopwatch.GetElapsedTime(begun));
        return result;
    }
}
