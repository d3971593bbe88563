using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;

namespace NativeKubelet.Runtime.Images;

/// <summary>
/// An overlay for a pod with users of its own (Linux 5.19): the layers on disk are shared with all pods and show their owners
/// through the pod's user namespace. The writable layer, which is thrown away, is the pod's users' as it is: what overlayfs
/// itself makes there it makes as the host's root, who is nobody in that namespace.
/// </summary>
internal static class MappedOverlay
{
    /// <param name="lowers">Topmost first.</param>
    /// <exception cref="ErrnoException">EINVAL: a file system that cannot.</exception>
    public static void Mount(List<string> lowers, string upper, string work, MappedUsers users, string target)
    {
        using (DirectoryHandle root = DirectoryHandle.Open(upper))
        {
            FileStatus status = root.Status();
            root.SetOwner(".", users.FirstId + status.Uid, users.FirstId + status.Gid);
            root.SetMode(".", status.Permissions);
        }
        // The overlay takes copies of its own. Only a mount that is in the tree may be copied, so for a moment they are.
        string stage = target + ".layers";
        List<string> places = [];
        try
        {
            string Show(string source)
            {
                string place = Path.Combine(stage, $"{places.Count}");
                Directory.CreateDirectory(place);
                places.Add(place);
                using DetachedMount copy = DetachedMount.TryCopy(source, recursive: false) ?? throw new ErrnoException("open_tree", source, Errno.EINVAL);
                copy.ShowOwnersOf(users.Namespace, recursive: false);
                copy.Attach(place);
                return place;
            }

            OverlayMount.Mount(new([.. lowers.Select(Show)], upper, work, Volatile: true), target);
        }
        finally
        {
            foreach (string place in places) MountPoint.Detach(place);
            DirectoryHandle.DeleteTree(stage);
        }
    }
}
