using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>
/// root-dir/pods/UID, laid out as other programs of a node expect it (spec 41 §1). Everything below it is reached through
/// directory handles: containers write into its volumes, and a link that they made must lead nowhere.
/// </summary>
public static class PodDirectory
{
    private const UnixFileMode Mode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute;

    /// <exception cref="IOException">With the path and the kernel's own words.</exception>
    public static void Create(RuntimePaths paths, string podUid)
    {
        string pod = paths.PodDirectory(podUid);
        foreach (string directory in (string[])[paths.Root, Path.Combine(paths.Root, "pods"), pod, Path.Combine(pod, "volumes"), Path.Combine(pod, "plugins")])
            Directory.CreateDirectory(directory, Mode);
    }

    /// <summary>Somebody removed it. Of a disk that does not answer, or answers otherwise, that cannot be said.</summary>
    public static bool IsGone(RuntimePaths paths, string podUid)
    {
        try
        {
            using DirectoryHandle pod = DirectoryHandle.Open(paths.PodDirectory(podUid));
            return false;
        }
        catch (ErrnoException e)
        {
            return e.Errno is Errno.ENOENT or Errno.ENOTDIR;
        }
    }

    /// <summary>Removes all of the pod; a mount in it ends the removal, so that nobody's data goes with it.</summary>
    /// <exception cref="IOException">EBUSY: something is still mounted there.</exception>
    public static void Remove(RuntimePaths paths, string podUid) => DirectoryHandle.DeleteTree(paths.PodDirectory(podUid));

    /// <summary>UIDs of all pods that have a directory here.</summary>
    public static IEnumerable<string> All(RuntimePaths paths)
    {
        string pods = Path.Combine(paths.Root, "pods");
        return Directory.Exists(pods) ? Directory.EnumerateDirectories(pods).Select(d => Path.GetFileName(d)) : [];
    }
}
