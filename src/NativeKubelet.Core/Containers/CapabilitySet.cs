using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Core.Containers;

/// <summary>
/// The capabilities of a container: bounding = permitted = effective, while inheritable and ambient stay empty, so that no
/// program with file capabilities gets more than was granted (CVE-2022-24769).
/// </summary>
public static class CapabilitySet
{
    /// <summary>All that the kernel knows, by number (capability.h of Linux 5.9, the last that added one).</summary>
    public static ImmutableArray<string> All { get; } =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
        "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
        "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD",
        "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
        "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ];

    public static ImmutableArray<string> Default { get; } =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP",
        "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
    ];

    /// <param name="available">What this process may hand out: the kernel's set within the agent's own bounding set.</param>
    /// <exception cref="ContainerConfigException">A name that no kernel knows.</exception>
    public static ImmutableArray<string> Compute(V1SecurityContext? context, ImmutableArray<string> available)
    {
        if (context?.Privileged == true) return available;

        HashSet<string> set = [.. Default];
        ImmutableArray<string> added = Names(context?.Capabilities?.Add), dropped = Names(context?.Capabilities?.Drop);
        // ALL first, then the single names, drops last: a capability both added and dropped ends dropped.
        if (added.Contains("CAP_ALL")) set = [.. available];
        if (dropped.Contains("CAP_ALL")) set = [];
        set.UnionWith(added);
        set.ExceptWith(dropped);
        return [.. All.Where(c => set.Contains(c) && available.Contains(c))];
    }

    private static ImmutableArray<string> Names(IList<string>? names) => [.. (names ?? []).Select(Normalise)];

    private static string Normalise(string name)
    {
        string upper = name.ToUpperInvariant();
        if (!upper.StartsWith("CAP_", StringComparison.Ordinal)) upper = "CAP_" + upper;
        return upper == "CAP_ALL" || All.Contains(upper) ? upper
            : throw new ContainerConfigException($"unknown capability \"{name}\"; capabilities(7) lists the names");
    }
}
