using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Api.Oci;
using NativeKubelet.Core.Containers.SELinux;
using NativeKubelet.Core.Containers.Users;

namespace NativeKubelet.Core.Containers;

/// <summary>Everything that is known of a container before it starts; all names are resolved, all paths final.</summary>
/// <param name="Environment">What the pod declares, final (<see cref="ContainerEnvironment.Declared"/>).</param>
/// <param name="CgroupsPath">In the driver's own form: a path, or slice:prefix:name.</param>
/// <param name="Mounts">The pod's volumes, in the order of volumeMounts.</param>
/// <param name="HostDevices">For a privileged container: every device node of the host; else empty.</param>
/// <param name="Capabilities">The container's (<see cref="CapabilitySet.Compute"/>).</param>
public sealed record ContainerBlueprint(
    V1Pod Pod,
    V1Container Container,
    ImageConfig Image,
    ContainerUser User,
    ImmutableArray<KeyValuePair<string, string>> Environment,
    SandboxView Sandbox,
    string CgroupsPath,
    RuntimeResources Resources,
    int OomScoreAdj,
    ImmutableArray<RuntimeMount> Mounts,
    ImmutableArray<RuntimeDevice> HostDevices,
    ImmutableArray<string> Capabilities,
    ContainerConfinement Confinement,
    MachineView Machine)
{
    public ImmutableArray<VolumeDevice> VolumeDevices { get; init; } = [];

    /// <summary>Null for a pod of the host's users.</summary>
    public UsersView? Users { get; init; }
}

/// <summary>A block volume: a node of its own in the container, and leave to open it.</summary>
public sealed record VolumeDevice(RuntimeDevice Node, bool ReadOnly);

/// <param name="Namespace">The path of the pod's user namespace.</param>
/// <param name="Root">Of the file system, where the pod's root can reach it.</param>
/// <param name="Told">The mapping, for runtimes that must be told what the namespace's is.</param>
public sealed record UsersView(string Namespace, string Root, IdRange? Told);

/// <summary>What holds a container in beside its namespaces and capabilities.</summary>
/// <param name="Seccomp">Null: every call is let through.</param>
/// <param name="AppArmorProfile">Null: none is asked for.</param>
/// <param name="Labels">Null: the kernel has no SELinux.</param>
public sealed record ContainerConfinement(RuntimeSeccomp? Seccomp, string? AppArmorProfile, ContainerLabels? Labels)
{
    public static ContainerConfinement None { get; } = new(null, null, null);
}

/// <summary>The sandbox as its containers see it. Namespace paths are null where the pod uses the host's.</summary>
/// <param name="PidNamespace">Null unless the pod shares one, or this container another's.</param>
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
    /// <exception cref="ContainerConfigException">The pod asks for something that cannot be granted.</exception>
    public static RuntimeSpec Build(ContainerBlueprint blueprint)
    {
        V1Container container = blueprint.Container;
        bool privileged = container.SecurityContext?.Privileged == true;
        ImmutableArray<string> capabilities = blueprint.Capabilities;
        // An unmasked /proc comes with a user namespace only (validated), in which it gives nothing of the host away.
        bool bare = privileged || container.SecurityContext?.ProcMount == "Unmasked";
        bool readOnlyRoot = container.SecurityContext?.ReadOnlyRootFilesystem == true;

        return new RuntimeSpec(
            "1.0.2",
            new RuntimeProcess(
                container.Tty == true,
                new RuntimeUser(blueprint.User.Uid, blueprint.User.Gid, 0x12 /* 0022 */, blueprint.User.Groups),
                ContainerEnvironment.CommandLine(blueprint.Image, container, blueprint.Environment),
                ContainerEnvironment.Compose(blueprint.Image, blueprint.Environment, blueprint.Sandbox.Hostname, container.Tty == true, blueprint.User.Home),
                ContainerEnvironment.WorkingDirectory(blueprint.Image, container),
                new RuntimeCapabilities(capabilities, capabilities, capabilities, [], []),
                container.SecurityContext?.AllowPrivilegeEscalation == false,
                blueprint.OomScoreAdj,
                blueprint.Confinement.AppArmorProfile,
                blueprint.Confinement.Labels?.Process),
            new RuntimeRoot(blueprint.Users?.Root ?? "rootfs", readOnlyRoot),
            ContainerMounts.Of(blueprint, privileged, readOnlyRoot),
            new RuntimeLinux(
                Namespaces(blueprint, privileged),
                blueprint.Resources with { Devices = Devices(privileged, blueprint.VolumeDevices) },
                blueprint.CgroupsPath,
                Propagation(blueprint.Mounts),
                bare ? [] : [.. KernelPaths.Masked, .. blueprint.Machine.ThermalThrottlePaths],
                bare ? [] : KernelPaths.ReadOnly,
                Nodes(blueprint) is { IsEmpty: false } nodes ? nodes : null,
                blueprint.Confinement.Seccomp,
                UidMappings: Mapping(blueprint.Users),
                GidMappings: Mapping(blueprint.Users),
                // Of what the runtime mounts itself. Among that are the message queues, which belong to the host's root also in a user
                // namespace of the pod's, so that nobody may label them there: then the mounts that need it have the label as an option.
                MountLabel: blueprint.Users is null ? blueprint.Confinement.Labels?.File : null));
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
        if (blueprint.Users is { } users) result.Add(new("user", users.Namespace));
        if (blueprint.Pod.Spec.HostPID != true) result.Add(new("pid", sandbox.PidNamespace));
        if (sandbox.NetworkNamespace is { } network) result.Add(new("network", network));
        if (sandbox.IpcNamespace is { } ipc) result.Add(new("ipc", ipc));
        if (sandbox.UtsNamespace is { } uts) result.Add(new("uts", uts));
        if (blueprint.Machine.CgroupV2 && !privileged) result.Add(new("cgroup"));
        return result;
    }

    private static RuntimeIdMapping[]? Mapping(UsersView? users) => users?.Told is { } range ? [new(0, range.Host, range.Length)] : null;

    private static string? Propagation(ImmutableArray<RuntimeMount> mounts) =>
        mounts.Any(m => m.Options.Contains("rshared")) ? "rshared" : mounts.Any(m => m.Options.Contains("rslave")) ? "rslave" : null;
}
