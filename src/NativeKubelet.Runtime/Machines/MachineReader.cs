using System.Collections.Immutable;
using System.Globalization;
using NativeKubelet.Core.Containers;
using NativeKubelet.Linux.Cgroups;

namespace NativeKubelet.Runtime.Machines;

/// <summary>Reads <see cref="MachineFacts"/> off /proc and /sys, and of SELinux its own files. A fact that cannot be had becomes a doubt, never a failed start.</summary>
public sealed partial class MachineReader
{
    private const string AppArmorSwitch = "/sys/module/apparmor/parameters/enabled";

    private readonly string _root;
    private readonly ImmutableArray<string>.Builder _doubts = ImmutableArray.CreateBuilder<string>();

    private MachineReader(string root) => _root = root.TrimEnd('/');

    /// <param name="root">Below which all of them are; another directory only for recorded machines.</param>
    /// <exception cref="IOException">No usable control groups: without them nothing can run; the message names what is missing.</exception>
    public static MachineFacts Read(string root = "/") => new MachineReader(root).Read();

    private MachineFacts Read()
    {
        CgroupLayout cgroups = CgroupLayout.Detect(File.ReadAllText(_root + "/proc/self/mountinfo"));
        string meminfo = Text("/proc/meminfo", "no swap is assumed");
        string status = Text("/proc/self/status", "no capabilities are assumed beyond those that every container has");
        string release = Text("/proc/sys/kernel/osrelease", "the kernel's release is not known", "unknown").Trim();
        ImmutableArray<string> held = CapabilityNames(MachineText.Mask(status, "CapEff:") ?? 0);
        return new(
            cgroups,
            Controllers(cgroups),
            Parsed("/sys/devices/system/cpu/online", Environment.ProcessorCount, MachineText.CpuCount),
            MachineText.Kibibytes(meminfo, "MemTotal:") ?? Doubt("/proc/meminfo", "no line MemTotal", GC.GetGCMemoryInfo().TotalAvailableMemoryBytes),
            MachineText.Kibibytes(meminfo, "SwapTotal:") ?? 0,
            SwapAccounted(cgroups),
            HugePages(),
            Math.Min(Number("/proc/sys/kernel/pid_max", 32768), Number("/proc/sys/kernel/threads-max", 32768)),
            release,
            Text("/proc/sys/kernel/random/boot_id", "reboots are not told from restarts", "unknown").Trim(),
            MachineText.Mask(status, "CapBnd:") is { } mask ? CapabilityNames(mask) : CapabilitySet.Default,
            (int)Number("/proc/self/oom_score_adj", 0),
            // The kernel asks for the capability in the first user namespace, whatever is held in this one.
            held.Contains("CAP_SYS_RESOURCE") && MachineText.IsFirstUserNamespace(Text("/proc/self/uid_map", "a user namespace is assumed")),
            new(
                Exists("/proc/self/ns/cgroup"), Exists("/proc/self/ns/user"), status.Contains("\nSeccomp:", StringComparison.Ordinal),
                Exists(AppArmorSwitch) && Text(AppArmorSwitch, "no AppArmor is assumed").StartsWith('Y'),
                Labels(),
                HasOverlay(release)),
            ThermalThrottle(),
            _doubts.ToImmutable());
    }

    private ImmutableArray<string> Controllers(CgroupLayout cgroups) => cgroups.Unified
        ? [.. Text("/sys/fs/cgroup/cgroup.controllers", "no controllers are assumed").Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)]
        : [.. cgroups.Hierarchies.SelectMany(h => h.Controllers).Where(c => !c.StartsWith("name=", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private bool SwapAccounted(CgroupLayout cgroups)
    {
        if (cgroups.For("memory") is not { } memory) return false;
        if (!cgroups.Unified) return File.Exists($"{_root}{memory.MountPoint}/memory.memsw.limit_in_bytes");
        // Version 2's root has no limits; every group below that has the memory controller tells.
        return Directories(memory.MountPoint, "*").Any(group => File.Exists(group + "/memory.swap.max"));
    }

    private ImmutableArray<HugePagePool> HugePages()
    {
        const string prefix = "hugepages-", suffix = "kB";
        ImmutableArray<HugePagePool>.Builder pools = ImmutableArray.CreateBuilder<HugePagePool>();
        foreach (string directory in Directories("/sys/kernel/mm/hugepages", prefix + "*" + suffix))
        {
            string name = Path.GetFileName(directory);
            if (MachineText.Number(name[prefix.Length..^suffix.Length]) is not { } kibibytes) continue;
            pools.Add(new(kibibytes * 1024, Number($"/sys/kernel/mm/hugepages/{name}/nr_hugepages", 0)));
        }
        return [.. pools.OrderBy(p => p.PageBytes)];
    }

    private ImmutableArray<string> ThermalThrottle() =>
    [
        .. from directory in Directories("/sys/devices/system/cpu", "cpu*")
           let number = MachineText.Number(Path.GetFileName(directory)["cpu".Length..])
           where number is not null && Directory.Exists(directory + "/thermal_throttle")
           orderby number
           select directory[_root.Length..] + "/thermal_throttle",
    ];

    private bool HasOverlay(string release)
    {
        if (MachineText.HasFileSystem(Text("/proc/filesystems", "no overlayfs is assumed"), "overlay")) return true;
        // The kernel loads the module when it is asked to mount the first.
        return ((string[])["modules.builtin", "modules.dep"]).Select(list => $"{_root}/lib/modules/{release}/{list}").Where(File.Exists)
            .Any(list => File.ReadLines(list).Any(line => line.Contains("/overlay.ko", StringComparison.Ordinal)));
    }

    private static ImmutableArray<string> CapabilityNames(ulong mask) => [.. CapabilitySet.All.Where((_, number) => (mask >> number & 1) == 1)];

    private bool Exists(string path) => Path.Exists(_root + path);

    private string[] Directories(string path, string pattern)
    {
        try { return Directory.GetDirectories(_root + path, pattern); }
        catch (IOException) { return []; }       // a kernel without that feature has no such directory
        catch (UnauthorizedAccessException) { return []; }
    }

    private long Number(string path, long fallback) => Parsed(path, fallback, MachineText.Number);

    private T Parsed<T>(string path, T fallback, Func<string, T?> parse) where T : struct, IFormattable
    {
        string text = Text(path, $"{fallback.ToString(null, CultureInfo.InvariantCulture)} is assumed");
        return text.Length == 0 ? fallback : parse(text) ?? Doubt(path, $"holds \"{Short(text)}\"", fallback);
    }

    private string Text(string path, string assumption, string fallback = "")
    {
        try
        {
            return File.ReadAllText(_root + path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _doubts.Add($"{path}: {e.Message}; {assumption}");
            return fallback;
        }
    }

    private T Doubt<T>(string path, string cause, T assumed) where T : IFormattable
    {
        _doubts.Add($"{path}: {cause}; {assumed.ToString(null, CultureInfo.InvariantCulture)} is assumed");
        return assumed;
    }

    private static string Short(string text) => text.Length <= 40 ? text.Trim() : text[..40] + "…";
}
