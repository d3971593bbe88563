using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Api.Oci;

namespace NativeKubelet.Core.Containers;

/// <summary>Everything that is known of a container before it starts; all names are resolved, all paths final.</summary>
/// <param name="CgroupsPath">In the driver's own form: a path, or slice:prefix:name.</param>
/// <param name="Mounts">The pod's volumes, in the order of volumeMounts.</param>
/// <param name="HostDevices">For a privileged container: every device node of the host; else empty.</param>
/// <param name="AvailableCapabilities">What this agent may hand out.</param>
public sealed record ContainerBlueprint(
    V1Pod Pod,
    V1Container Container,
    ImageConfig Image,
    ContainerUser User,
    SandboxView Sandbox,
    string CgroupsPath,
    RuntimeResources Resources,
    int OomScoreAdj,
    ImmutableArray<RuntimeMount> Mounts,
    ImmutableArray<RuntimeDevice> HostDevices,
    ImmutableArray<string> AvailableCapabilities,
    MachineView Machine)
{
    public ImmutableArray<VolumeDevice> VolumeDevices { get; init; } = [];
}

/// <summary>A block volume: a node of its own in the container, and leave to open it.</summary>
public sealed record VolumeDevice(RuntimeDevice Node, bool ReadOnly);

/// <summary>The sandbox as its containers see it. Namespace paths are null where the pod uses the host's.</summary>
/// <param name="PidNamespace">Null unless the pod shares one.</param>
public sealed record SandboxView(
    string Hostname,
    string? NetworkNamespace,
    string? IpcNamespace,
    string? UtsNamespace,
    string? PidNamespace,
    string ShmPath,
    string ResolvConfPath,
    string HostnamePath,
    string HostsPath,
    string TerminationLogPath);

/// <param name="ThermalThrottlePaths">Existing /sys/devices/system/cpu/cpuN/thermal_throttle: a side channel, masked.</param>
public sealed record MachineView(bool CgroupV2, ImmutableArray<string> ThermalThrottlePaths);

/// <summary>Pod + container + image + sandbox → the OCI runtime's config.json (spec 32). Pure: equal input, equal bytes.</summary>
public static class RuntimeSpecBuilder
{
    private static readonly ImmutableArray<string> Masked =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    private static readonly ImmutableArray<string> ReadOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    /// <exception cref="ContainerConfigException">The pod asks for something that cannot be granted.</exception>
    public static RuntimeSpec Build(ContainerBlueprint blueprint)
    {
        V1Container container = blueprint.Container;
        bool privileged = container.SecurityContext?.Privileged == true;
        ImmutableArray<string> capabilities = CapabilitySet.Compute(container.SecurityContext, blueprint.AvailableCapabilities);
        ImmutableArray<KeyValuePair<string, string>> declared = ContainerEnvironment.Declared(container);
        bool readOnlyRoot = container.SecurityContext?.ReadOnlyRootFilesystem == true;

        return new RuntimeSpec(
            "1.0.2",
            new RuntimeProcess(
                container.Tty == true,
                new RuntimeUser(blueprint.User.Uid, blueprint.User.Gid, 0x12 /* 0022 */, blueprint.User.Groups),
                ContainerEnvironment.CommandLine(blueprint.Image, container, declared),
                ContainerEnvironment.Compose(blueprint.Image, declared, blueprint.Sandbox.Hostname, container.Tty == true, blueprint.User.Home),
                ContainerEnvironment.WorkingDirectory(blueprint.Image, container),
                new RuntimeCapabilities(capabilities, capabilities, capabilities, [], []),
                container.SecurityContext?.AllowPrivilegeEscalation == false,
                blueprint.OomScoreAdj),
            new RuntimeRoot("rootfs", readOnlyRoot),
            Mounts(blueprint, privileged, readOnlyRoot),
            new RuntimeLinux(
                Namespaces(blueprint, privileged),
                blueprint.Resources with { Devices = Devices(privileged, blueprint.VolumeDevices) },
                blueprint.CgroupsPath,
                Propagation(blueprint.Mounts),
                privileged ? [] : [.. Masked, .. blueprint.Machine.ThermalThrottlePaths],
                privileged ? [] : ReadOnly,
                Nodes(blueprint) is { IsEmpty: false } nodes ? nodes : null));
    }

    private static RuntimeDeviceRule[] Devices(bool privileged, ImmutableArray<VolumeDevice> volumes) =>
        // The runtime itself allows the default nodes; everything else stays denied.
        privileged ? [new RuntimeDeviceRule(true, Access: "rwm")] :
        [
            new RuntimeDeviceRule(false, Access: "rwm"),
            .. volumes.Select(v => new RuntimeDeviceRule(true, v.Node.Type, v.Node.Major, v.Node.Minor, v.ReadOnly ? "r" : "rwm")),
        ];

    private static ImmutableArray<RuntimeDevice> Nodes(ContainerBlueprint blueprint) =>
        [.. blueprint.HostDevices.Where(d => blueprint.VolumeDevices.All(v => v.Node.Path != d.Path)), .. blueprint.VolumeDevices.Select(v => v.Node)];

    private static List<RuntimeNamespace> Namespaces(ContainerBlueprint blueprint, bool privileged)
    {
        SandboxView sandbox = blueprint.Sandbox;
        List<RuntimeNamespace> result = [new("mount")];
        if (blueprint.Pod.Spec.HostPID != true) result.Add(new("pid", sandbox.PidNamespace));
        if (sandbox.NetworkNamespace is { } network) result.Add(new("network", network));
        if (sandbox.IpcNamespace is { } ipc) result.Add(new("ipc", ipc));
        if (sandbox.UtsNamespace is { } uts) result.Add(new("uts", uts));
        if (blueprint.Machine.CgroupV2 && !privileged) result.Add(new("cgroup"));
        return result;
    }

    private static ImmutableArray<RuntimeMount> Mounts(ContainerBlueprint blueprint, bool privileged, bool readOnlyRoot)
    {
        SandboxView sandbox = blueprint.Sandbox;
        string kernelFiles = privileged ? "rw" : "ro", etc = readOnlyRoot ? "ro" : "rw";
        List<RuntimeMount> mounts =
        [
            new("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
            new("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            new("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            blueprint.Pod.Spec.HostIPC == true
                ? new("/dev/mqueue", "bind", "/dev/mqueue", ["rbind", "nosuid", "noexec", "nodev"])
                : new("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
            new("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", kernelFiles]),
            // Read-only, and on v2 in a namespace of its own: release_agent must stay out of reach (CVE-2022-0492).
            new("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", kernelFiles]),
            Bind("/dev/shm", sandbox.ShmPath, "nosuid", "noexec", "nodev", "rw"),
            Bind("/etc/hostname", sandbox.HostnamePath, etc),
            Bind("/etc/resolv.conf", sandbox.ResolvConfPath, etc),
            Bind("/etc/hosts", sandbox.HostsPath, etc),
            Bind(TerminationPath(blueprint.Container), sandbox.TerminationLogPath, "rw"),
        ];

        // A volume on one of these places wins, and parents come before what lies below them.
        HashSet<string> taken = [.. blueprint.Mounts.Select(m => m.Destination)];
        return
        [
            .. mounts.Where(m => !taken.Contains(m.Destination)),
            .. blueprint.Mounts.Select(CheckedVolume).OrderBy(m => m.Destination.Count(c => c == '/')).ThenBy(m => m.Destination, StringComparer.Ordinal),
        ];
    }

    private static string TerminationPath(V1Container container) =>
        string.IsNullOrEmpty(container.TerminationMessagePath) ? "/dev/termination-log" : container.TerminationMessagePath;

    private static RuntimeMount CheckedVolume(RuntimeMount mount) =>
        // What is mounted over /proc decides what the runtime itself sees there while it sets the container up (CVE-2025-31133).
        mount.Destination == "/proc" || mount.Destination.StartsWith("/proc/", StringComparison.Ordinal)
            ? throw new ContainerConfigException($"volume mount at \"{mount.Destination}\" is refused: nothing may be mounted over /proc")
            : mount;

    private static RuntimeMount Bind(string destination, string source, params ReadOnlySpan<string> options) =>
        new(destination, "bind", source, ["rbind", "rprivate", .. options]);

    private static string? Propagation(ImmutableArray<RuntimeMount> mounts) =>
        mounts.Any(m => m.Options.Contains("rshared")) ? "rshared" : mounts.Any(m => m.Options.Contains("rslave")) ? "rslave" : null;
}
