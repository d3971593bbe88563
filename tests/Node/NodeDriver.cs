using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Systemd;
using NativeKubelet.Runtime.Cgroups;

namespace NativeKubelet.Tests.Node;

/// <summary>Who makes control groups in these tests: NK_CGROUP_DRIVER, cgroupfs where it is not set.</summary>
internal static class NodeDriver
{
    public static string Name { get; } = Environment.GetEnvironmentVariable("NK_CGROUP_DRIVER") is { Length: > 0 } given ? given : "cgroupfs";

    public static bool Systemd => Name == "systemd";

    /// <param name="root">cgroupRoot: one component.</param>
    public static CgroupTree Tree(string root) => new(Systemd ? CgroupDriver.Systemd : CgroupDriver.Cgroupfs, CgroupName.Root.Child(root));

    public static async Task<ICgroupDriver> OpenAsync(CgroupFs groups) => Systemd
        ? await SystemdDriver.OpenAsync(groups, new SystemdManager(TimeProvider.System), NullLogger<SystemdDriver>.Instance, TimeLimit.Token()) : new CgroupfsDriver(groups);

    public static async Task<PodCgroups> CgroupsAsync(string root, CgroupLayout layout, LimitSettings limits)
    {
        CgroupFs groups = new(layout, TimeProvider.System);
        return new(Tree(root), groups, await OpenAsync(groups), limits, NullLogger<PodCgroups>.Instance);
    }
}
