namespace NativeKubelet.Config;

/// <summary>
/// Which cgroup driver can be used. In the original the container runtime's answer beats the configuration
/// (KubeletCgroupDriverFromCRI); the runtime here is this program, and on a machine without systemd its answer is cgroupfs.
/// So the files of a kubeadm node, which say systemd, start an appliance that has another init.
/// </summary>
internal static class DriverChoice
{
    /// <param name="systemdRuns">As PID 1 of this machine.</param>
    public static KubeletOptions Possible(KubeletOptions options, bool systemdRuns) => options.Cgroups.Driver != CgroupDriver.Systemd || systemdRuns ? options : options with
    {
        Cgroups = options.Cgroups with { Driver = CgroupDriver.Cgroupfs },
        Configuration = options.Configuration with { CgroupDriver = "cgroupfs" },
        Warnings =
        [
            .. options.Warnings,
            "cgroupDriver is systemd, and systemd does not run on this machine: cgroupfs is used; set cgroupDriver to cgroupfs to say so",
        ],
    };
}
