using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>
/// Builds a root file system without overlayfs, layer upon layer, by copying: for state directories on an overlay or a
/// network file system. Where the file system can, copies share their blocks.
/// </summary>
public static class TreeCopy
{
    /// <summary>Puts one layer upon what the layers below it left in <paramref name="target"/>.</summary>
    public static void Apply(LowerLayer layer, DirectoryHandle target, CancellationToken cancel) =>
        new Run(target, layer.Removals, cancel).Apply(layer.Root, target, []);

    private sealed class Run(DirectoryHandle root, LayerRemovals removals, CancellationToken cancel)
    {
        // Second names of one file must become second names again: the first copy of each, by its inode.
        private readonly Dictionary<ulong, KernelPath[]> _firstNames = [];

        public void Apply(DirectoryHandle from, DirectoryHandle to, KernelPath[] path)
        {
            cancel.ThrowIfCancellationRequested();
            foreach (KernelPath removed in removals.Names)
            {
                List<KernelPath> parts = LayerPath.Clean(removed, LayerLimits.Default);
                if (parts.Count == path.Length + 1 && parts.Take(path.Length).SequenceEqual(path)) to.RemoveTree(parts[^1]);
            }
            foreach (KernelPath name in from.List())
            {
                FileStatus status = from.Status(name);
                if (status.IsWhiteout) to.RemoveTree(name);
                else if (status.Kind == FileKind.Directory) ApplyDirectory(from, name, to, [.. path, name]);
                else ApplyFile(from, name, status, to, [.. path, name]);
            }
            FileStatus own = from.Status();
            FileCopy.CopyAttributes(from, ".", own, to, ".");
            to.SetModified(".", own.Modified);
        }

        private void ApplyDirectory(DirectoryHandle from, KernelPath name, DirectoryHandle to, KernelPath[] path)
        {
            bool opaque = LowerLayer.IsOpaque(from, name) || removals.Opaque.Contains(LayerPath.Join(path));
            if (opaque || to.TryStatus(name) is not { Kind: FileKind.Directory })
            {
                to.RemoveTree(name);
                to.MakeDirectory(name);
            }
            using DirectoryHandle innerFrom = from.OpenDirectory(name), innerTo = to.OpenDirectory(name);
            Apply(innerFrom, innerTo, path);
        }

        private void ApplyFile(DirectoryHandle from, KernelPath name, FileStatus status, DirectoryHandle to, KernelPath[] path)
        {
            to.RemoveTree(name);
            if (status.Links > 1 && _firstNames.TryGetValue(status.Inode, out KernelPath[]? first))
            {
                using DirectoryHandle home = OpenTarget(first.AsSpan(0, first.Length - 1));
                to.MakeHardLink(home, first[^1], name);
                return;
            }
            FileCopy.Copy(from, name, status, to, name);
            if (status.Links > 1) _firstNames[status.Inode] = path;
        }

        private DirectoryHandle OpenTarget(ReadOnlySpan<KernelPath> path)
        {
            DirectoryHandle here = root.OpenDirectory(".");
            foreach (KernelPath part in path)
            {
                DirectoryHandle inner = here.OpenDirectory(part);
                here.Dispose();
                here = inner;
            }
            return here;
        }
    }
}
