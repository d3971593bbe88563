namespace NativeKubelet.Cli.Install;

/// <summary>One thing that <c>install</c> puts in place, and <c>uninstall</c> takes away.</summary>
internal abstract record InstallItem(string Path);

/// <summary>The program itself; the file of its name is its own.</summary>
internal sealed record InstalledProgram(string Path) : InstallItem(Path);

/// <param name="Keep">Written where nothing is, and the operator's from then on.</param>
internal sealed record InstalledText(string Path, string Content, uint Mode = 0x1A4, bool Keep = false) : InstallItem(Path);

internal sealed record InstalledLink(string Path, string Target) : InstallItem(Path);

/// <summary>Stays when the rest goes: what is in it is the operator's.</summary>
internal sealed record InstalledDirectory(string Path) : InstallItem(Path);

/// <summary>What starts programs on the machine.</summary>
internal enum InitSystem { Systemd, Script }

/// <summary>Everything that belongs to an installation.</summary>
internal static class Installation
{
    public const string Program = "/usr/bin/nativekubelet", Kubelet = "/usr/bin/kubelet";
    public const string Unit = "kubelet.service", Variables = "kubelet.service.d/10-kubeadm.conf";
    public const string InitScript = "/etc/init.d/kubelet";

    private const string Units = "/usr/lib/systemd/system", Enabled = "/etc/systemd/system";

    /// <summary>Where systemd looks for units, and so where another's may be.</summary>
    public static readonly string[] UnitDirectories = [Enabled, Units, "/lib/systemd/system"];

    public static IEnumerable<InstallItem> Of(InitSystem init, bool standalone, InstallRoot root)
    {
        yield return new InstalledProgram(Program);
        yield return new InstalledLink(Kubelet, "nativekubelet");
        if (standalone)
        {
            yield return new InstalledText(ServiceFiles.ConfigPath, ServiceFiles.Config, Keep: true);
            yield return new InstalledDirectory(ServiceFiles.ManifestDirectory);
        }
        if (init == InitSystem.Systemd)
        {
            yield return new InstalledText($"{Units}/{Unit}", ServiceFiles.Unit);
            yield return new InstalledText($"{Units}/{Variables}", standalone ? ServiceFiles.Standalone : ServiceFiles.Joining);
            yield return new InstalledText($"{Units}/kubelet.service.d/20-nativekubelet.conf", ServiceFiles.Settings);
            yield return new InstalledLink($"{Enabled}/multi-user.target.wants/{Unit}", $"{Units}/{Unit}");
            yield return new InstalledLink($"{Enabled}/nativekubelet.service", $"{Units}/{Unit}");
            yield break;
        }
        yield return new InstalledText(InitScript, ServiceFiles.InitScript(standalone), Mode: 0x1ED);
        foreach (InstallItem link in ScriptLinks(root)) yield return link;
    }

    public static InitSystem InitOf(InstallRoot root) =>
        root.IsMachine ? Directory.Exists("/run/systemd/system") ? InitSystem.Systemd : InitSystem.Script
        : root.Exists("/usr/lib/systemd/systemd") || root.Exists("/lib/systemd/systemd") ? InitSystem.Systemd : InitSystem.Script;

    /// <summary>Run levels where there are any; else the directory from which BusyBox starts what begins with S.</summary>
    private static IEnumerable<InstallItem> ScriptLinks(InstallRoot root)
    {
        string[] levels = [.. "0123456".Select(l => $"/etc/rc{l}.d").Where(root.Exists)];
        foreach (string level in levels)
            yield return new InstalledLink($"{level}/{(level[^3] is '0' or '1' or '6' ? "K01" : "S90")}kubelet", "../init.d/kubelet");
        if (levels.Length == 0 && root.Exists("/etc/init.d/rcS")) yield return new InstalledLink("/etc/init.d/S90kubelet", "kubelet");
    }
}
