using NativeKubelet.Config;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Systemd;
using NativeKubelet.Runtime.Machines;

namespace NativeKubelet.Cli.Doctor;

/// <summary>Kernel, control groups, capabilities, swap, clock.</summary>
public static class MachineChecks
{
    private static readonly DateTimeOffset Plausible = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>openat2(2), by which paths that pods name are resolved.</summary>
    private static readonly Version OldestKernel = new(5, 6);

    public static IEnumerable<Finding> Of(NodeSight sight)
    {
        yield return Clock(sight.Now);
        if (sight.MemoryProgramsForbidden)
            yield return Finding.Warn("kernel", "vm.memfd_noexec is 2", "pods' holders run from a file instead of from sealed memory", "set vm.memfd_noexec to 1 or 0 if nothing else needs it");
        if (sight.Machine.Facts is not { } machine)
        {
            yield return Finding.Fail("cgroups", sight.Machine.Fault ?? "unknown", "pods are made of control groups", "mount them as the distribution does; in a container, give it the host's");
            yield break;
        }
        yield return Kernel(machine.KernelRelease);
        foreach (Finding finding in Cgroups(machine, sight.Config.Options?.Cgroups)) yield return finding;
        if (sight.Config.Options is { } options) yield return Driver(options.Cgroups.Driver, sight.SystemdRuns);
        foreach (Finding finding in Features(machine.Features)) yield return finding;
        foreach (Finding finding in Capabilities(machine)) yield return finding;
        yield return Swap(machine, sight.Config.Options?.Pods.FailSwapOn ?? true);
        foreach (string doubt in machine.Doubts)
            yield return Finding.Warn("machine", doubt, "the node is described by what was assumed", "make the file readable");
    }

    public static Finding Clock(DateTimeOffset now) => now >= Plausible
        ? Finding.Ok("clock", $"{now.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC")
        : Finding.Warn("clock", $"{now.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC is in the past", "certificates are not valid yet, so registries and API servers are refused", "set the clock, or let NTP do it; pods whose images are here run all the same");

    public static Finding Kernel(string release)
    {
        string digits = new([.. release.TakeWhile(c => char.IsAsciiDigit(c) || c == '.')]);
        return Version.TryParse(digits.TrimEnd('.'), out Version? version) && version < OldestKernel
            ? Finding.Fail("kernel", release, $"calls that came with {OldestKernel} are needed", $"run Linux {OldestKernel} or newer")
            : Finding.Ok("kernel", release);
    }

    public static IEnumerable<Finding> Cgroups(MachineFacts machine, CgroupOptions? options)
    {
        string mode = machine.Cgroups.Mode switch { CgroupMode.Unified => "v2", CgroupMode.Hybrid => "v1 (a v2 tree without controllers beside it)", _ => "v1" };
        if (options is not null && Version1(machine, options) is { Level: FindingLevel.Fail } refused) yield return refused;
        string[] missing = [.. ((string[])["cpu", "cpuset", "memory", "pids"]).Where(c => !machine.Controllers.Contains(c))];
        if (missing.Length == 0) yield return Finding.Ok("cgroups", mode);
        foreach (string controller in missing) yield return MissingController(controller, mode);
        if (!machine.Controllers.Contains("hugetlb") && machine.HugePages.Any(p => p.Pages > 0))
            yield return Finding.Warn("cgroups", $"{mode} without the hugetlb controller", "pods that ask for huge pages are refused", "boot a kernel that has the controller and mount it");
    }

    public static Finding Driver(CgroupDriver driver, bool systemdRuns) => (driver, systemdRuns) switch
    {
        (CgroupDriver.Systemd, false) => Finding.Fail(
            "cgroup driver", "systemd", $"systemd does not run this machine, or {SystemdManager.Socket} is not there", "set cgroupDriver to cgroupfs"),
        (CgroupDriver.Cgroupfs, true) => Finding.Warn(
            "cgroup driver", "cgroupfs, beside systemd", "two make groups in one tree, and systemd writes limits of its own above the pods'", "set cgroupDriver to systemd"),
        _ => Finding.Ok("cgroup driver", driver.ToString().ToLowerInvariant()),
    };

    /// <summary>The agent's start asks the same.</summary>
    public static Finding Version1(MachineFacts machine, CgroupOptions options) => !machine.Cgroups.Unified && options.FailOnV1
        ? Finding.Fail("cgroups", "this host has control groups of version 1", "failCgroupV1 is true", "set failCgroupV1 to false: version 1 is supported here; or boot with systemd.unified_cgroup_hierarchy=1")
        : Finding.Ok("cgroups", machine.Cgroups.Unified ? "v2" : "v1");

    public static IEnumerable<Finding> Features(KernelFeatures features)
    {
        if (!features.Overlay)
            yield return Finding.Fail("overlayfs", "not in this kernel", "containers' root file systems are made with it", "load the module (modprobe overlay), or boot a kernel that has it");
        if (!features.Seccomp)
            yield return Finding.Warn("seccomp", "not in this kernel", "pods that ask for a seccomp profile are refused; the others run without", "boot a kernel with CONFIG_SECCOMP_FILTER");
        if (!features.UserNamespaces)
            yield return Finding.Warn("user namespaces", "not in this kernel", "pods with hostUsers: false are refused", "boot a kernel with CONFIG_USER_NS");
        if (!features.CgroupNamespaces)
            yield return Finding.Warn("cgroup namespaces", "not in this kernel", "containers see the control groups of the whole machine", "boot a kernel with CONFIG_CGROUPS of 4.6 or newer");
    }

    public static IEnumerable<Finding> Capabilities(MachineFacts machine)
    {
        string[] missing = [.. ((string[])["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_CHROOT", "CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_KILL"]).Where(c => !machine.Capabilities.Contains(c))];
        if (missing.Length > 0)
            yield return Finding.Fail("capabilities", "missing: " + string.Join(", ", missing), "mounts, namespaces and networks cannot be made", "give the unit or the container that this runs in all capabilities");
        if (!machine.FreeOomScore)
            yield return Finding.Warn(
                "capabilities", "CAP_SYS_RESOURCE is not held", $"no oom_score_adj below {machine.OwnOomScoreAdj} can be set, so important pods are not spared when memory runs out",
                "give the unit or the container that this runs in CAP_SYS_RESOURCE");
        else if (missing.Length == 0) yield return Finding.Ok("capabilities", "all that are needed");
    }

    /// <summary>The agent's start asks the same.</summary>
    public static Finding Swap(MachineFacts machine, bool failSwapOn)
    {
        if (machine.SwapBytes == 0) return Finding.Ok("swap", "none");
        string size = Units.Bytes(machine.SwapBytes);
        if (failSwapOn)
            return Finding.Fail("swap", $"running with swap on is not supported ({size} is on) while failSwapOn is true", "memory limits are not what they seem where pages can be swapped", "swapoff -a and remove it from /etc/fstab, or set failSwapOn to false");
        return machine.SwapAccounted ? Finding.Ok("swap", size)
            : Finding.Warn("swap", $"{size} is on, and groups' swap is not counted", "pods can fill it without limit", "boot with swapaccount=1");
    }

    private static Finding MissingController(string controller, string mode)
    {
        (string why, string next) = controller switch
        {
            // The firmware of the Raspberry Pi adds cgroup_disable=memory to the kernel's command line.
            "memory" => ("pods' memory can be neither limited nor measured, and containers with limits do not start", "add cgroup_enable=memory to the kernel command line and reboot (Raspberry Pi: /boot/firmware/cmdline.txt, on its one line)"),
            "pids" => ("a pod can use up all of the machine's process numbers", "boot a kernel with CONFIG_CGROUP_PIDS, and on version 1 mount the controller"),
            _ => ($"containers with {controller} settings do not start", "boot a kernel that has the controller; on version 1 mount it"),
        };
        string what = $"{mode} without the {controller} controller";
        return controller == "pids" ? Finding.Warn("cgroups", what, why, next) : Finding.Fail("cgroups", what, why, next);
    }
}
