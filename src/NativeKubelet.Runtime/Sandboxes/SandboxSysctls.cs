using System.Collections.Immutable;
using NativeKubelet.Core.Containers;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>Kernel parameters of a sandbox's own namespaces. Those that the pod names were allowed when it was admitted.</summary>
internal static class SandboxSysctls
{
    private const string LowestPort = "net.ipv4.ip_unprivileged_port_start", PingGroups = "net.ipv4.ping_group_range";

    /// <summary>
    /// In a network of their own, programs without rights may take low ports and ping, as runtimes have it since these cost
    /// nobody anything.
    /// </summary>
    private static readonly Lazy<ImmutableArray<KeyValuePair<string, string>>> s_standard = new(() =>
    [
        .. from sysctl in (KeyValuePair<string, string>[])[new(LowestPort, "0"), new(PingGroups, "0 2147483647")]
           // Where an old kernel has none, or /proc/sys is read-only, pods do without.
           where IsWritable("/proc/sys/" + sysctl.Key.Replace('.', '/'))
           select sysctl,
    ]);

    public static ImmutableArray<KeyValuePair<string, string>> Of(SandboxSpec spec)
    {
        ImmutableArray<KeyValuePair<string, string>> asked =
            [.. (spec.Pod.Spec.SecurityContext?.Sysctls ?? []).Select(s => KeyValuePair.Create(SysctlAllowlist.Normal(s.Name), s.Value))];
        if (spec.HostNetwork) return asked;
        return
        [
            .. from sysctl in s_standard.Value
               where !asked.Any(a => a.Key == sysctl.Key)
               // A user namespace refuses groups that it does not have.
               select spec.OwnUsers && sysctl.Key == PingGroups ? new(PingGroups, "0 65535") : sysctl,
            .. asked,
        ];
    }

    private static bool IsWritable(string path)
    {
        try
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
