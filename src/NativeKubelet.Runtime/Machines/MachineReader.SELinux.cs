using NativeKubelet.Core.Containers.SELinux;

namespace NativeKubelet.Runtime.Machines;

public sealed partial class MachineReader
{
    private const string Kernel = "/sys/fs/selinux";

    /// <summary>
    /// A kernel can have SELinux and no policy: its file system may be mounted then, but there is no label to give. What tells is
    /// the label of this process, before the first policy a single word ("kernel"; "init" since Linux 6.8), after it a context.
    /// </summary>
    private SELinuxContexts? Labels()
    {
        if (!Exists(Kernel + "/enforce") || SELinuxContext.TryParse(Text("/proc/self/attr/current", "no SELinux is assumed").TrimEnd('\0', '\n')) is null) return null;
        string config = Exists("/etc/selinux/config") ? Text("/etc/selinux/config", "the usual policy is assumed") : "";
        // Who packages containers' policy apart from the system's (Fedora) brings the first; the reference policy the second.
        foreach (string file in (string[])["/usr/share/containers/selinux/contexts", $"/etc/selinux/{SELinuxSettings.Policy(config)}/contexts/lxc_contexts"])
        {
            if (!Exists(file)) continue;
            if (SELinuxContexts.TryParse(Text(file, "it is passed over"), file) is { } contexts) return contexts;
            _doubts.Add($"{file}: no contexts of process and file; it is passed over");
        }
        return SELinuxContexts.BuiltIn(Text(Kernel + "/mls", "a policy with levels is assumed", "1").StartsWith('1'));
    }
}
