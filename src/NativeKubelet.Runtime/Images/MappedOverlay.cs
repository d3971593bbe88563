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
    /// <param name="layers">With an upper directory.</param>
    /// <param name="stage">A directory of the overlay's own, not there yet.</param>
    /// <exception cref="ErrnoException">EINVAL: a file system that cannot.</exception>
    public static void Mount(OverlayLayers layers, MappedUsers users, string stage, string target)
    {
        using (DirectoryHandle root = DirectoryHandle.Open(layers.Upper!))
        {
            FileStatus status = root.Status();
            root.SetOwner(".", users.FirstId + status.Uid, users.FirstId + status.Gid);
            root.SetMode(".", status.Permissions);
        }
        Mount(layers, users.Namespace, stage, target);
    }

    /// <summary>With the lower directories' owners shown through the namespace.</summary>
    public static void Mount(OverlayLayers layers, FileDescriptor users, string stage, string target)
    {
        // The overlay takes copies of its own. Only a mount that is in the tree may be copied, so for a moment they are.
        Unstage(stage);
        try
        {
            string Show(string source, int index)
            {
                string place = Path.Combine(stage, $"{index}");
                Directory.CreateDirectory(place);
                using DetachedMount copy = DetachedMount.TryCopy(source, recursive: false) ?? throw new ErrnoException("open_tree", source, Errno.EINVAL);
                copy.ShowOwnersOf(users, recursive: false);
                copy.Attach(place);
                return place;
            }

            OverlayMount.Mount(layers with { Lowers = [.. layers.Lowers.Select(Show)] }, target);
        }
        finally
        {
            Unstage(stage);
        }
    }

    /// <summary>Also what an agent left that was killed between the two steps.</summary>
    public static void Unstage(string stage)
    {
        if (!Directory.Exists(stage)) return;
        foreach (string place in Directory.GetDirectories(stage)) MountPoint.Detach(place);
        DirectoryHandle.DeleteTree(stage);
    }
}
