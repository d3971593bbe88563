using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>
/// Mounts that come and go must reach containers, and come from them, where a pod asks for it (spec 41 §1): root-dir has to be
/// a shared mount. systemd makes everything shared; elsewhere root-dir becomes a shared mount of itself.
/// </summary>
public static class SharedRoot
{
    /// <exception cref="IOException">Not possible here; only mount propagation suffers.</exception>
    public static void Ensure(RuntimePaths paths)
    {
        Directory.CreateDirectory(paths.Root);
        string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(paths.Root));
        if (MountInfo.Holding(MountInfo.ReadOwn(), root) is { Shared: true }) return;
        if (!MountPoint.Exists(root)) MountPoint.Bind(root, root, recursive: true, readOnly: false);
        MountPoint.MakeShared(root);
    }

    /// <summary>Says why a source cannot propagate mounts as asked; null when it can.</summary>
    /// <param name="propagation">None, HostToContainer or Bidirectional.</param>
    internal static string? Fault(string source, string propagation)
    {
        if (propagation is not ("HostToContainer" or "Bidirectional")) return null;
        MountInfo? mount = MountInfo.Holding(MountInfo.ReadOwn(), Resolved(source));
        bool able = mount is not null && (mount.Shared || (mount.Slave && propagation == "HostToContainer"));
        return able ? null : $"path \"{source}\" is mounted on \"{mount?.MountPoint}\" but it is not a shared{(propagation == "Bidirectional" ? "" : " or slave")} mount";
    }

    private static string Resolved(string path)
    {
        using DirectoryHandle root = DirectoryHandle.Open("/");
        using FileDescriptor place = root.OpenInside(path, OpenFlags.PathOnly, PathBorder.ActAsRoot);
        return File.ResolveLinkTarget(place.ProcPath, returnFinalTarget: false)?.FullName ?? path;
    }
}
