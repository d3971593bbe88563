using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Api.Oci;

namespace NativeKubelet.Core.Containers;

/// <summary>What a container finds mounted: the kernel's file systems, the sandbox's files, and the pod's volumes over them.</summary>
internal static class ContainerMounts
{
    public static ImmutableArray<RuntimeMount> Of(ContainerBlueprint blueprint, bool privileged, bool readOnlyRoot)
    {
        SandboxView sandbox = blueprint.Sandbox;
        string kernelFiles = privileged ? "rw" : "ro", etc = readOnlyRoot ? "ro" : "rw";
        string[] context = blueprint is { Users: not null, Confinement.Labels: { } labels } ? [$"context=\"{labels.File}\""] : [];
        List<RuntimeMount> mounts =
        [
            new("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
            new("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k", .. context]),
            new("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5", .. context]),
            // It shows the queues of the container's IPC namespace, so with hostIPC the host's, also where the host mounts none.
            new("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
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
}
