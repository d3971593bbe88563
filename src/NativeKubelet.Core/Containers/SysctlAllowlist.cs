using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Containers.Seccomp;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Containers;

/// <summary>
/// The kernel parameters that pods may set: only such as the kernel keeps per namespace, and of them the harmless ones and
/// those that the operator named (CVE-2022-0811).
/// </summary>
public sealed class SysctlAllowlist
{
    private const string Ipc = "IPC", Net = "Net";

    /// <summary>With the kernel that first kept it per namespace.</summary>
    private static readonly ImmutableArray<(string Name, string Kernel)> Safe =
    [
        ("kernel.shm_rmid_forced", "0.0"), ("net.ipv4.ip_local_port_range", "0.0"), ("net.ipv4.tcp_syncookies", "0.0"),
        ("net.ipv4.ping_group_range", "0.0"), ("net.ipv4.ip_unprivileged_port_start", "0.0"), ("net.ipv4.ip_local_reserved_ports", "3.16"),
        ("net.ipv4.tcp_keepalive_time", "4.5"), ("net.ipv4.tcp_keepalive_intvl", "4.5"), ("net.ipv4.tcp_keepalive_probes", "4.5"),
        ("net.ipv4.tcp_fin_timeout", "4.6"), ("net.ipv4.tcp_rmem", "4.15"), ("net.ipv4.tcp_wmem", "4.15"),
    ];

    private static readonly ImmutableArray<string> IpcNames =
        ["kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.shm", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.msg"];

    private readonly ImmutableArray<(string Name, bool Prefix, string Space)> _allowed;

    private SysctlAllowlist(ImmutableArray<(string, bool, string)> allowed) => _allowed = allowed;

    /// <summary>The safe ones of a recent kernel.</summary>
    public static SysctlAllowlist Standard { get; } = Create([], new("", 6, 0));

    /// <param name="unsafePatterns">allowedUnsafeSysctls: names, or beginnings that end with *.</param>
    /// <exception cref="FormatException">A pattern that is not known to stay within a pod.</exception>
    public static SysctlAllowlist Create(IEnumerable<string> unsafePatterns, SeccompMachine machine) =>
        new([.. Safe.Where(s => machine.HasKernel(s.Kernel)).Select(s => s.Name).Concat(unsafePatterns).Select(Entry)]);

    /// <returns>Null when the pod may set all that it names.</returns>
    public AdmissionRefusal? Refuse(V1PodSpec spec)
    {
        foreach (V1Sysctl sysctl in spec.SecurityContext?.Sysctls ?? [])
        {
            string name = Normal(sysctl.Name);
            (string Name, bool Prefix, string Space)? rule = Find(name);
            if (rule is null) return new("SysctlForbidden", $"forbidden sysctl: \"{name}\" not allowlisted");
            // There is no namespace of the pod's own then: it would be the host's parameter.
            if ((rule.Value.Space == Ipc && spec.HostIPC == true) || (rule.Value.Space == Net && spec.HostNetwork == true))
                return new("SysctlForbidden", $"forbidden sysctl: \"{name}\" not allowed with host {rule.Value.Space} enabled");
        }
        return null;
    }

    /// <summary>As in sysctl(8), the first separator says which one is meant: with slashes, a dot is part of a name.</summary>
    public static string Normal(string name)
    {
        int first = name.AsSpan().IndexOfAny('.', '/');
        return first < 0 || name[first] == '.' ? name
            : string.Create(name.Length, name, (span, source) =>
            {
                for (int i = 0; i < span.Length; i++)
                    span[i] = source[i] switch { '/' => '.', '.' => '/', char c => c };
            });
    }

    private (string Name, bool Prefix, string Space)? Find(string name)
    {
        // A name of its own says more than a beginning.
        foreach ((string Name, bool Prefix, string Space) rule in _allowed.OrderBy(r => r.Prefix))
            if (rule.Prefix ? name.StartsWith(rule.Name, StringComparison.Ordinal) : name == rule.Name) return rule;
        return null;
    }

    private static (string, bool, string) Entry(string pattern)
    {
        string name = Normal(pattern);
        bool prefix = name.EndsWith('*');
        if (prefix) name = name[..^1];
        if (name.Length == 0 || name.Contains('*', StringComparison.Ordinal) || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_' or '/')))
            throw new FormatException($"sysctl \"{pattern}\" is no name, and no beginning of one with a * at its end");
        string? space = IpcNames.Contains(name) || name.StartsWith("fs.mqueue.", StringComparison.Ordinal) ? Ipc : name.StartsWith("net.", StringComparison.Ordinal) ? Net : null;
        return space is null ? throw new FormatException($"the sysctls \"{name}\" are not known to be namespaced") : (name, prefix, space);
    }
}
