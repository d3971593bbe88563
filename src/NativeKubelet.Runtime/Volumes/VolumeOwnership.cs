using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>Gives all that a volume holds to a group (spec 41 §8), through handles: a link in the volume leads nowhere.</summary>
internal static class VolumeOwnership
{
    private const uint Keep = uint.MaxValue, Setgid = 0x400, ReadWrite = 0x1B0, ReadOnly = 0x120, Search = 0x48;   // 02000, 0660, 0440, 0110

    /// <summary>What a directory of the group must at least have, to be taken for done (fsGroupChangePolicy OnRootMismatch).</summary>
    public static bool RootMatches(DirectoryHandle root, uint group, bool readOnly)
    {
        FileStatus status = root.Status();
        uint wanted = (readOnly ? ReadOnly : ReadWrite) | Search | Setgid;
        return status.Gid == group && (status.Permissions & wanted) == wanted;
    }

    /// <summary>
    /// Depth first, so that a root that matches means that everything below it was done. One file that refuses is no reason
    /// for the pod not to start: its own permissions decide then.
    /// </summary>
    /// <returns>Files that refused, and the first one's words.</returns>
    public static (int Count, string First) Apply(DirectoryHandle root, uint group, bool readOnly, CancellationToken cancel)
    {
        Walk walk = new(group, readOnly, cancel);
        walk.Content(root, 0);
        walk.Try(() =>
        {
            root.SetOwner(".", Keep, group);
            DirectoryHandle.SetMode(root.Descriptor, root.Status().Permissions | walk.DirectoryBits, root.Name);
        });
        return (walk.Failures, walk.First);
    }

    private sealed class Walk(uint group, bool readOnly, CancellationToken cancel)
    {
        public uint DirectoryBits => FileBits | Search | Setgid;

        public int Failures { get; private set; }

        public string First { get; private set; } = "";

        private uint FileBits => readOnly ? ReadOnly : ReadWrite;

        public void Content(DirectoryHandle directory, int depth)
        {
            foreach (KernelPath name in directory.List())
            {
                cancel.ThrowIfCancellationRequested();
                Try(() => Entry(directory, name, depth));
            }
        }

        public void Try(Action action)
        {
            try
            {
                action();
            }
            catch (ErrnoException e)
            {
                if (e.Errno == Errno.ENOENT) return;    // removed meanwhile
                if (Failures++ == 0) First = e.Message;
            }
        }

        private void Entry(DirectoryHandle directory, KernelPath name, int depth)
        {
            FileStatus status = directory.Status(name);
            if (status.Kind == FileKind.Directory)
            {
                // Another file system that is mounted here is somebody else's.
                if (status.MountRoot == true) return;
                if (depth >= DirectoryHandle.MaxDepth) throw new ErrnoException("openat", $"{directory.Name}/{name}", Errno.ELOOP);
                using DirectoryHandle inner = directory.OpenDirectory(name);
                Content(inner, depth + 1);
            }
            directory.SetOwner(name, Keep, group);
            // A link has no permissions of its own. The mode is the one before chown, which takes setuid and setgid away.
            if (status.Kind != FileKind.SymbolicLink)
                directory.SetMode(name, status.Permissions | (status.Kind == FileKind.Directory ? DirectoryBits : FileBits));
        }
    }
}
