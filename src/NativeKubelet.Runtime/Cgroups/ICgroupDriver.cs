using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Cgroups;

/// <summary>
/// Who makes groups: this program (cgroupfs) or systemd on its behalf. Groups are named by their path below the hierarchies'
/// roots, in the driver's own form. All calls may be repeated, and made for different groups at the same time.
/// </summary>
/// <exception cref="IOException">The group cannot be made or changed; the message names it.</exception>
public interface ICgroupDriver
{
    /// <summary>Makes a group for other groups; one that is there keeps its values and gets what it lacks.</summary>
    /// <returns>The first value that the kernel refused, where the group is new; it is there all the same.</returns>
    Task<ErrnoException?> CreateAsync(string group, CgroupValues values, CancellationToken cancel);

    /// <exception cref="ErrnoException">The kernel refused a value (version 1: below what is in use); those before it are in force.</exception>
    Task SetAsync(string group, CgroupValues values, CancellationToken cancel);

    /// <summary>Makes a group for one process, and moves it there.</summary>
    Task PlaceAsync(string leaf, int pid, CancellationToken cancel);

    /// <summary>Kills what lives in the group and below, and removes all of it. Gone already is success.</summary>
    /// <returns>False when something would not go yet: ask again later.</returns>
    Task<bool> DestroyAsync(string group, CancellationToken cancel);
}
