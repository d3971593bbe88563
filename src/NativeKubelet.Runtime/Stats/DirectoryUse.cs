using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Stats;

/// <summary>What a directory takes of its disk, as du(1) counts: blocks that are really used, every file once however many names it has.</summary>
internal static class DirectoryUse
{
    /// <summary>Names of one file are told apart up to so many files; a directory must not fill the agent's memory.</summary>
    private const int MostLinked = 1 << 20;

    /// <param name="most">As soon as there are more bytes, nothing further is looked at.</param>
    /// <exception cref="ErrnoException">The directory itself cannot be read; what goes away below it is not counted.</exception>
    public static (long Bytes, long Inodes) Of(string directory, long most = long.MaxValue, CancellationToken cancel = default)
    {
        using DirectoryHandle root = DirectoryHandle.Open(directory);
        FileStatus own = root.Status();
        Walk walk = new(own.AllocatedBytes, most, cancel);
        walk.Content(root, 0);
        return (walk.Bytes, walk.Inodes);
    }

    private sealed class Walk(long bytes, long most, CancellationToken cancel)
    {
        private readonly HashSet<(ulong Device, ulong Inode)> _linked = [];

        public long Bytes { get; private set; } = bytes;

        public long Inodes { get; private set; } = 1;

        public void Content(DirectoryHandle directory, int depth)
        {
            foreach (KernelPath name in directory.List())
            {
                if (Bytes > most || cancel.IsCancellationRequested) return;
                if (directory.TryStatus(name) is not { } status || status.MountRoot == true) continue;
                if (status is { Kind: not FileKind.Directory, Links: > 1 } && !IsFirstName(status)) continue;
                Bytes += status.AllocatedBytes;
                Inodes++;
                if (status.Kind != FileKind.Directory || depth >= DirectoryHandle.MaxDepth) continue;
                using DirectoryHandle? inner = directory.TryOpenDirectory(name, out _);
                if (inner is not null) Content(inner, depth + 1);
            }
        }

        private bool IsFirstName(FileStatus status) => _linked.Count >= MostLinked || _linked.Add((status.Device, status.Inode));
    }
}
