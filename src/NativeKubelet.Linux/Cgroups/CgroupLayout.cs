using System.Collections.Immutable;
using NativeKubelet.Linux.Mounts;

namespace NativeKubelet.Linux.Cgroups;

public enum CgroupMode { Legacy, Hybrid, Unified }

/// <param name="Controllers">Of version 1: as mounted together, or "name=systemd". Empty for version 2.</param>
public sealed record CgroupHierarchy(string MountPoint, bool Unified, ImmutableArray<string> Controllers)
{
    public bool Has(string controller) => Controllers.Contains(controller);

    /// <param name="group">Relative to the hierarchy's root, starts with "/".</param>
    public string Directory(string group) => group == "/" ? MountPoint : MountPoint + group;
}

/// <summary>Which control group hierarchies this machine has, and where. Read off the mounts, never off configuration.</summary>
public sealed record CgroupLayout(CgroupMode Mode, ImmutableArray<CgroupHierarchy> Hierarchies)
{
    private static readonly string[] Required = ["cpu", "cpuacct", "cpuset", "memory"];

    public bool Unified => Mode == CgroupMode.Unified;

    /// <exception cref="IOException">No usable hierarchy is mounted; the message names what is missing.</exception>
    public static CgroupLayout Detect() => Detect(File.ReadAllText("/proc/self/mountinfo"));

    /// <param name="mountinfo">Text of /proc/PID/mountinfo.</param>
    /// <param name="root">Where the hierarchies are; another directory only for made-up trees.</param>
    /// <exception cref="IOException">No usable hierarchy is mounted; the message names what is missing.</exception>
    public static CgroupLayout Detect(string mountinfo, string root = "/sys/fs/cgroup")
    {
        ImmutableArray<MountInfo> mounts = MountInfo.Parse(mountinfo);
        if (mounts.LastOrDefault(m => m.MountPoint == root)?.FileSystem == "cgroup2")
            return new(CgroupMode.Unified, [new(root, Unified: true, [])]);

        List<CgroupHierarchy> found = [];
        // The same controllers may be mounted twice; the shortest path is the one that tools mean.
        foreach (MountInfo mount in mounts.Where(m => m.FileSystem == "cgroup").OrderBy(m => m.MountPoint.Length))
        {
            ImmutableArray<string> controllers = [.. mount.SuperOptions.Split(',').Where(IsController)];
            if (controllers.Length > 0 && !controllers.Any(c => found.Any(h => h.Has(c))))
                found.Add(new(mount.MountPoint, Unified: false, controllers));
        }
        if (Required.Where(c => !found.Any(h => h.Has(c))).ToArray() is { Length: > 0 } missing)
            throw new IOException($"cgroup controllers not mounted: {string.Join(", ", missing)}; mount cgroup2 on {root}, or each of them below it");

        string unified = root + "/unified";
        bool hybrid = mounts.LastOrDefault(m => m.MountPoint == unified)?.FileSystem == "cgroup2";
        if (hybrid) found.Add(new(unified, Unified: true, []));
        return new(hybrid ? CgroupMode.Hybrid : CgroupMode.Legacy, [.. found]);
    }

    /// <summary>The hierarchy in which the controller's files are; null where it is not mounted.</summary>
    public CgroupHierarchy? For(string controller) =>
        Unified ? Hierarchies[0] : Hierarchies.FirstOrDefault(h => h.Has(controller));

    // The other super options of a version 1 mount are no controllers.
    private static bool IsController(string option) =>
        option is not ("rw" or "ro" or "xattr" or "clone_children" or "noprefix" or "none" or "all" or "cpuset_v2_mode" or "favordynmods")
        && !option.StartsWith("release_agent=", StringComparison.Ordinal);
}
