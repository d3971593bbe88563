using System.Text;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Cli.Install;

/// <summary>Puts an installation's parts in place or takes them away, and touches nothing that somebody else put there. Doing it twice changes nothing.</summary>
/// <param name="say">Told of each part, in a line.</param>
internal sealed class Installer(InstallRoot root, Action<string> say)
{
    /// <param name="program">The file of the program that is installed.</param>
    /// <exception cref="VerbException">Another's kubelet is there; nothing was changed.</exception>
    public void Install(IReadOnlyList<InstallItem> items, string program)
    {
        // A unit or drop-in of another starts /usr/bin/kubelet: that must be this program then.
        bool foreignKubelet = items.OfType<InstalledLink>().Any(l => l.Path == Installation.Kubelet && IsForeign(l));
        // Another's unit is the one that is started at boot.
        if (items.Select(ForeignUnit).FirstOrDefault(p => p?.EndsWith('/' + Installation.Unit, StringComparison.Ordinal) == true) is { } unit)
            items = [.. items.Select(i => i is InstalledLink { Target: var target } link && target.EndsWith('/' + Installation.Unit, StringComparison.Ordinal) ? link with { Target = unit } : i)];
        InstallItem[] keeps = [.. items.Where(i => i is InstalledText { Keep: false } && IsForeign(i) || ForeignUnit(i) is not null)];
        if (foreignKubelet && keeps.Length > 0)
            throw new VerbException($"{Installation.Kubelet} is another program, and {ForeignUnit(keeps[0]) ?? keeps[0].Path} starts it; nothing was changed: "
                + $"move it away (mv {Installation.Kubelet} {Installation.Kubelet}.orig) or remove its package, and install again");
        if (items.OfType<InstalledDirectory>().FirstOrDefault(d => root.KindOf(d.Path) is FileKind.Regular) is { } file)
            throw new VerbException($"{file.Path} is a file, and a directory is needed there; nothing was changed");
        foreach (InstallItem item in items)
            say(keeps.Contains(item) ? $"kept       {ForeignUnit(item) ?? item.Path}: it is not of this program's making" : Put(item, program));
    }

    public void Uninstall(IEnumerable<InstallItem> items)
    {
        foreach (InstallItem item in items.Reverse())
        {
            if (item is InstalledDirectory || !root.Exists(item.Path)) continue;
            bool mine = !IsForeign(item) && (item is not InstalledText { Keep: true } config || Text(item.Path) == config.Content);
            if (mine) root.Remove(item.Path);
            say(mine ? $"removed    {item.Path}" : $"kept       {item.Path}: it is {(item is InstalledText { Keep: true } ? "yours" : "not of this program's making")}");
        }
        foreach (string directory in items.Select(i => Path.GetDirectoryName(i.Path)!).Where(d => d.EndsWith("kubelet.service.d", StringComparison.Ordinal) || d.EndsWith("nativekubelet", StringComparison.Ordinal)).Distinct())
            root.RemoveDirectory(directory);
    }

    private string Put(InstallItem item, string program)
    {
        switch (item)
        {
            case InstalledProgram:
                return Told(root.Write(item.Path, File.ReadAllBytes(program), 0x1ED), item.Path);
            case InstalledText { Keep: true } when root.Exists(item.Path):
                return $"kept       {item.Path}";
            case InstalledText text:
                return Told(root.Write(item.Path, Encoding.UTF8.GetBytes(text.Content), text.Mode), item.Path);
            case InstalledLink link when IsForeign(link):
                return $"kept       {item.Path}: " + (item.Path == Installation.Kubelet ? $"it is another program; call this one by {Installation.Program}" : "it leads elsewhere");
            case InstalledLink link:
                return Told(root.Link(item.Path, link.Target), $"{item.Path} -> {link.Target}");
            default:
                return Told(root.MakeDirectory(item.Path), item.Path);
        }
    }

    private static string Told(bool changed, string what) => (changed ? "installed  " : "unchanged  ") + what;

    /// <summary>Something is there that no installation of this program made.</summary>
    private bool IsForeign(InstallItem item) => item switch
    {
        InstalledText { Keep: false } => root.Exists(item.Path) && Text(item.Path)?.Contains(ServiceFiles.Marker, StringComparison.Ordinal) != true,
        InstalledLink link => root.Exists(item.Path) && root.LinkTarget(item.Path) is var target && target != link.Target && target != Installation.Program,
        _ => false,
    };

    /// <summary>The same unit or drop-in of another in one of systemd's directories, where it would count beside ours or before it.</summary>
    private string? ForeignUnit(InstallItem item) => item is not InstalledText ? null
        : new[] { Installation.Unit, Installation.Variables }.Where(name => item.Path.EndsWith("/system/" + name, StringComparison.Ordinal))
            .SelectMany(name => Installation.UnitDirectories.Select(d => $"{d}/{name}"))
            .FirstOrDefault(path => root.KindOf(path) == FileKind.Regular && Text(path)?.Contains(ServiceFiles.Marker, StringComparison.Ordinal) != true);

    private string? Text(string path) => root.Content(path) is { } content ? Encoding.UTF8.GetString(content) : null;
}
