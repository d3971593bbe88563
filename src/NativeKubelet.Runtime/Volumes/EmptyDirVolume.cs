using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>emptyDir on disk (spec 41 §5.1): a directory that any user of the pod may write to, and that goes with the pod.</summary>
internal static class EmptyDirVolume
{
    public const string Plugin = "kubernetes.io~empty-dir";

    private const uint ParentMode = 0x1E8, Mode = 0x1FF;   // 0750, 0777

    public static string Path(RuntimePaths paths, string podUid, string volume) =>
        System.IO.Path.Combine(paths.PodDirectory(podUid), "volumes", Plugin, volume);

    /// <exception cref="IOException">It cannot be made.</exception>
    public static void SetUp(RuntimePaths paths, string podUid, string volume)
    {
        using DirectoryHandle pod = DirectoryHandle.Open(paths.PodDirectory(podUid));
        using DirectoryHandle volumes = pod.OpenDirectory("volumes");
        volumes.TryMakeDirectory(Plugin, ParentMode);
        using DirectoryHandle parent = volumes.OpenDirectory(Plugin);
        // A volume that exists is a container's: also its mode is its own matter by now.
        if (parent.TryStatus(volume) is { Kind: FileKind.Directory }) return;
        // Under its name it appears complete: an agent killed in between leaves no directory that the pod cannot write to.
        // Names of volumes are DNS labels, which begin with no dot.
        string unfinished = $".{volume}.new";
        parent.RemoveTree(unfinished);
        parent.MakeDirectory(unfinished, Mode);
        parent.SetMode(unfinished, Mode);
        parent.Rename(unfinished, parent, volume);
    }
}
