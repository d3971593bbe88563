using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Stats;

/// <summary>What a directory takes of its disk, as du(1) counts: blocks that are really used, every file once however many names it has.</summary>
internal static class DirectoryUse
{
    /// <exception cref="ErrnoException">The directory itself cannot be read; what goes away below it is not counted.</exception>
    public static (long Bytes, long Inodes) Of(string directory)
    {
        using DirectoryHandle root = DirectoryHandle.Open(directory);
        FileStatus own = root.Status();
        Walk walk = new(own.AllocatedBytes);
        walk.Content(root, 0);
        return (walk.Bytes, walk.Inodes);
    }

    private sealed class Walk(long bytes)
    {
        private readonly HashSet<(ulong Device, ulong Inode)> _linked = [];

        public long Bytes { get; private set; } = bytes;

        public long Inodes { get; private set; } = 1;

        public void Content(DirectoryHandle directory, int depth)
        {
            foreach (KernelPath name in directory.List())
            {
                if (directory.TryStatus(name) is not { } status || status.MountRoot == true) continue;
                if (status is { Kind: not FileKind.Directory, Links: > 1 } && !_linked.Add((status.Device, status.Inode))) continue;
                Bytes += status.AllocatedBytes;
                Inodes++;
                if (status.Kind != FileKind.Directory || depth >= DirectoryHandle.MaxDepth) continue;
                using DirectoryHandle? inner = directory.TryOpenDirectory(name, out _);
                if (inner is not null) Content(inner, depth + 1);
            }
        }
    }
}
