using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Cgroups;

/// <summary>Makes groups by its own hand.</summary>
public sealed class CgroupfsDriver(CgroupFs groups) : ICgroupDriver
{
    public Task<ErrnoException?> CreateAsync(string group, CgroupValues values, CancellationToken cancel)
    {
        bool existed = groups.Exists(group);
        groups.Create(group);
        return Task.FromResult(existed ? null : groups.TryApply(group, values));
    }

    public Task SetAsync(string group, CgroupValues values, CancellationToken cancel)
    {
        groups.Apply(group, values);
        return Task.CompletedTask;
    }

    public Task PlaceAsync(string leaf, int pid, CancellationToken cancel)
    {
        groups.Create(leaf);
        groups.Attach(leaf, pid);
        return Task.CompletedTask;
    }

    public Task<bool> DestroyAsync(string group, CancellationToken cancel) => groups.DestroyAsync(group, cancel);
}
