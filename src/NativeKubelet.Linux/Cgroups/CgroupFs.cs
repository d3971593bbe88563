using System.Globalization;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>
/// Groups in all hierarchies of the machine at once. A group is named by its path below the hierarchies' roots and starts
/// with "/". Making and removing are idempotent; every error names the file and the value.
/// </summary>
public sealed class CgroupFs(CgroupLayout layout, TimeProvider time)
{
    private const int KillRounds = 5, RemoveRounds = 10;

    private static readonly string[] Wanted = ["cpu", "cpuset", "memory", "hugetlb", "pids", "io"];

    public CgroupLayout Layout { get; } = layout;

    public bool Exists(string group) => Layout.Hierarchies.Any(h => Directory.Exists(h.Directory(group)));

    /// <summary>Which of several possible groups there is: one that lives is found in the first hierarchy, without a look into the others.</summary>
    /// <returns>Null when there is none of them.</returns>
    public string? FirstExisting(IReadOnlyCollection<string> groups)
    {
        foreach (CgroupHierarchy hierarchy in Layout.Hierarchies)
            foreach (string group in groups)
                if (Directory.Exists(hierarchy.Directory(group))) return group;
        return null;
    }

    /// <summary>Makes the group and all above it. Version 2: the groups above hand their controllers down.</summary>
    public void Create(string group)
    {
        Check(group);
        foreach (CgroupHierarchy hierarchy in Layout.Hierarchies)
        {
            if (Layout.Unified) CreateDelegated(hierarchy, group);
            else CreateBelow(hierarchy, hierarchy.Directory(group));
        }
    }

    /// <exception cref="ErrnoException">The first write that the kernel refused; those before it are in force.</exception>
    public void Apply(string group, CgroupValues values)
    {
        foreach (CgroupWrite write in CgroupPlan.For(values, Layout.Unified))
        {
            if (Layout.For(write.Controller) is not { } hierarchy) continue;
            string file = $"{hierarchy.Directory(group)}/{write.File}";
            if (!write.Optional || File.Exists(file)) CgroupFile.Write(file, write.Value);
        }
    }

    /// <returns>Why the kernel refused a value; null when all are in force.</returns>
    public ErrnoException? TryApply(string group, CgroupValues values)
    {
        try
        {
            Apply(group, values);
            return null;
        }
        catch (ErrnoException e)
        {
            return e;
        }
    }

    /// <summary>Moves a process with all its threads into the group, in every hierarchy.</summary>
    public void Attach(string group, int pid)
    {
        foreach (CgroupHierarchy hierarchy in Layout.Hierarchies)
            CgroupFile.Write(hierarchy.Directory(group) + "/cgroup.procs", pid.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Names of the groups right below, as found in any hierarchy.</summary>
    public IReadOnlyCollection<string> Children(string group) =>
        [.. Layout.Hierarchies.SelectMany(h => Subdirectories(h.Directory(group))).Select(d => Path.GetFileName(d)!).Distinct(StringComparer.Ordinal)];

    /// <summary>Every process in the group or below it, in any hierarchy.</summary>
    public IReadOnlySet<int> Processes(string group)
    {
        HashSet<int> found = [];
        foreach (CgroupHierarchy hierarchy in Layout.Hierarchies) Collect(hierarchy.Directory(group), found);
        return found;
    }

    /// <summary>Kills every process in the group and below, and removes all of it.</summary>
    /// <returns>False when something would not go (a process in uninterruptible sleep): ask again later.</returns>
    public async Task<bool> DestroyAsync(string group, CancellationToken cancel)
    {
        Check(group);
        TimeSpan pause = TimeSpan.FromMilliseconds(1);
        bool gone = Layout.Hierarchies.All(h => RemoveTree(h.Directory(group)));
        for (int round = 0; !gone && round < RemoveRounds; round++)
        {
            if (round < KillRounds) Kill(group);
            // Exits are asynchronous: until the last one is reaped, rmdir says EBUSY.
            await Task.Delay(pause, time, cancel).ConfigureAwait(false);
            pause *= 2;
            gone = true;
            foreach (CgroupHierarchy hierarchy in Layout.Hierarchies) gone &= RemoveTree(hierarchy.Directory(group));
        }
        return gone;
    }

    /// <summary>SIGKILL to everything in the group and below; frozen groups are thawed, or the signal would wait.</summary>
    public void Kill(string group)
    {
        Check(group);
        if (Layout.Unified && File.Exists(Layout.Hierarchies[0].Directory(group) + "/cgroup.kill"))
        {
            TryWrite(Layout.Hierarchies[0].Directory(group) + "/cgroup.kill", "1");
            return;
        }
        foreach (int pid in Processes(group)) CgroupFile.Kill(pid);
        if (Layout.For(Layout.Unified ? "" : "freezer") is not { } freezer) return;
        Thaw(freezer.Directory(group), freezer.Unified);
    }

    private static void Check(string group)
    {
        if (group.Length < 2 || group[0] != '/' || group.Split('/').Any(p => p is "." or "..") || group.Contains("//", StringComparison.Ordinal))
            throw new ArgumentException($"\"{group}\" is no control group below a root");
    }

    private static void Delegate(string directory)
    {
        string[] available = Words(directory + "/cgroup.controllers"), enabled = Words(directory + "/cgroup.subtree_control");
        string[] missing = [.. Wanted.Where(c => available.Contains(c) && !enabled.Contains(c)).Select(c => "+" + c)];
        if (missing.Length == 0) return;
        string file = directory + "/cgroup.subtree_control";
        if (TryWrite(file, string.Join(' ', missing))) return;
        foreach (string one in missing) TryWrite(file, one);       // one that is refused must not hold back the others
    }

    /// <summary>From the top, as each group gets only the controllers that the one above hands down.</summary>
    private static void CreateDelegated(CgroupHierarchy hierarchy, string group)
    {
        string path = hierarchy.MountPoint;
        foreach (string part in group.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            Delegate(path);
            path += "/" + part;
            CgroupFile.MakeDirectory(path);
        }
    }

    /// <summary>From the bottom: nearly always only the last one is missing, and version 1 has ten trees to make it in.</summary>
    private static void CreateBelow(CgroupHierarchy hierarchy, string directory)
    {
        if (!CgroupFile.TryMakeDirectory(directory, exceptFor: Errno.ENOENT))
        {
            if (directory.Length <= hierarchy.MountPoint.Length) throw new ErrnoException("mkdir", directory, Errno.ENOENT);
            CreateBelow(hierarchy, Above(directory));
            CgroupFile.MakeDirectory(directory);
        }
        if (!hierarchy.Has("cpuset")) return;
        CpusetOf(hierarchy, directory, "cpuset.cpus");
        CpusetOf(hierarchy, directory, "cpuset.mems");
    }

    /// <summary>A new version 1 cpuset is empty and takes no process; it gets what the group above has, which may be as new.</summary>
    private static string CpusetOf(CgroupHierarchy hierarchy, string directory, string name)
    {
        string file = $"{directory}/{name}", value = CgroupFile.Read(file);
        if (value.Length > 0 || directory.Length <= hierarchy.MountPoint.Length) return value;
        value = CpusetOf(hierarchy, Above(directory), name);
        CgroupFile.Write(file, value);
        return value;
    }

    private static string Above(string directory) => directory[..directory.LastIndexOf('/')];

    private static void Thaw(string directory, bool unified)
    {
        TryWrite(directory + (unified ? "/cgroup.freeze" : "/freezer.state"), unified ? "0" : "THAWED");
        foreach (string below in Subdirectories(directory)) Thaw(below, unified);
    }

    private static bool RemoveTree(string directory)
    {
        if (CgroupFile.TryRemove(directory) is 0 or Errno.ENOENT) return true;
        bool gone = true;
        foreach (string below in Subdirectories(directory)) gone &= RemoveTree(below);
        return gone && CgroupFile.TryRemove(directory) is 0 or Errno.ENOENT;
    }

    private static void Collect(string directory, HashSet<int> found)
    {
        foreach (string word in Words(directory + "/cgroup.procs"))
            if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && pid > 0) found.Add(pid);
        foreach (string below in Subdirectories(directory)) Collect(below, found);
    }

    private static string[] Subdirectories(string directory)
    {
        try { return Directory.GetDirectories(directory); }
        catch (IOException) { return []; }       // gone meanwhile
    }

    private static string[] Words(string file)
    {
        try { return File.ReadAllText(file).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries); }
        catch (IOException) { return []; }
    }

    private static bool TryWrite(string file, string value)
    {
        try
        {
            CgroupFile.Write(file, value);
            return true;
        }
        catch (ErrnoException)
        {
            return false;
        }
    }
}
