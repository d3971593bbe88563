using System.Security.Cryptography;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Runtime.Images.Layers;

/// <param name="DiffHex">sha256 of the uncompressed archive.</param>
/// <param name="HidesLowers">The layers below are to be left out of the stack.</param>
/// <param name="Removals">What the directory itself could not express; where not empty, no overlay can be mounted from it.</param>
/// <param name="SkippedDevices">Device nodes that this host did not allow us to make.</param>
public sealed record UnpackedLayer(string DiffHex, int Entries, long Bytes, bool HidesLowers, LayerRemovals Removals, int SkippedDevices);

/// <summary>
/// Unpacks one layer (OCI image-spec, layer.md) into a directory in overlayfs' own form: whiteouts are character devices
/// 0/0, opaque directories bear an attribute. Runs synchronously, for a thread that may take its time.
/// </summary>
public static class LayerUnpacker
{
    private static ReadOnlySpan<byte> WhiteoutPrefix => ".wh."u8;
    private static ReadOnlySpan<byte> OpaqueMarker => ".wh..wh..opq"u8;
    private static ReadOnlySpan<byte> MetadataPrefix => ".wh..wh."u8;

    /// <param name="packed">The blob: gzip, zstd or plain; must be able to seek, and is taken over.</param>
    /// <param name="expected">What the blob's digest must be; null where it was verified before.</param>
    /// <param name="target">An empty directory; after an exception its content is the caller's to remove.</param>
    /// <param name="lowers">The layers below, topmost first, for what this one takes from them: links, modes of directories.</param>
    /// <exception cref="ImageFormatException">No archive, damaged, or beyond the limits.</exception>
    /// <exception cref="IOException">Disk full and the like.</exception>
    public static UnpackedLayer Unpack(
        Stream packed, ContentDigest? expected, DirectoryHandle target, IReadOnlyList<LowerLayer> lowers, LayerLimits limits, CancellationToken cancel)
    {
        long packedSize = packed.Length;
        void Watch(long count)
        {
            cancel.ThrowIfCancellationRequested();
            limits.CheckInflation(count, packedSize);
        }

        try
        {
            Compression compression = Decompression.Detect(packed);
            DigestStream? blob = expected is null ? null : new(packed, expected.Value.Algorithm);
            using DigestStream plain = new(Decompression.Open(blob ?? packed, compression), HashAlgorithmName.SHA256) { Progress = Watch };
            using TarReader tar = new(plain, limits);
            using LayerTree tree = new(target, lowers);
            SetRoot(target, tree, lowers);
            Entries entries = new(target, tree, tar, limits);
            while (tar.Next() is { } entry)
            {
                try
                {
                    entries.Add(entry);
                }
                catch (ErrnoException e) when (e.Errno is not (Errno.ENOSPC or Errno.EIO or Errno.EROFS))
                {
                    throw new ImageFormatException($"entry {entry.Path}: {e.Message}", e);
                }
            }
            tar.Drain();
            blob?.Drain();
            if (expected is { } promised && blob!.Hex != promised.Hex) throw new ImageFormatException($"the layer is not what its digest {promised} promises");
            tree.SetTimes(limits);
            return new(plain.Hex, entries.Count, entries.Bytes, tree.HidesLowers, tree.Inexpressible, entries.SkippedDevices);
        }
        catch (Exception e) when (e is InvalidDataException or ZstdSharp.ZstdException or EndOfStreamException)
        {
            throw new ImageFormatException($"the layer cannot be decompressed: {e.Message}", e);
        }
    }

    /// <summary>The merged tree takes its root from the topmost layer, which may not say how it is.</summary>
    private static void SetRoot(DirectoryHandle target, LayerTree tree, IReadOnlyList<LowerLayer> lowers)
    {
        target.SetMode(".", 0x1ED);
        if (lowers.Count == 0) return;
        FileStatus below = lowers[0].Root.Status();
        FileCopy.CopyAttributes(lowers[0].Root, ".", below, target, ".");
        tree.SetTimeLater(default, below.Modified);
    }

    private sealed class Entries(DirectoryHandle root, LayerTree tree, TarReader tar, LayerLimits limits)
    {
        public int Count { get; private set; }
        public long Bytes { get; private set; }
        public int SkippedDevices { get; private set; }

        public void Add(TarEntry entry)
        {
            Count++;
            Bytes += entry.Size;
            if (Bytes > limits.Bytes) throw new ImageFormatException($"the layer's files are more than {limits.Bytes} bytes");
            if (entry.Kind == TarKind.Other) return;
            KernelPath[] path = [.. LayerPath.Clean(entry.Path, limits)];
            if (path.Length == 0)
            {
                // "./" tells how the root is; anything else of that name is nothing that could be made.
                if (entry.Kind == TarKind.Directory) SetAttributes(root, ".", entry);
                if (entry.Kind == TarKind.Directory) tree.SetTimeLater(default, entry.Modified);
                return;
            }
            LayerTree.Place parent = tree.Directory(path.AsSpan(0, path.Length - 1));
            KernelPath name = path[^1];
            if (name.Bytes.StartsWith(WhiteoutPrefix)) AddWhiteout(parent, name);
            else if (entry.Kind == TarKind.Directory) AddDirectory(parent, name, entry);
            else if (entry.Kind == TarKind.HardLink) AddHardLink(parent, name, entry);
            else AddFile(parent, name, entry);
        }

        private void AddWhiteout(LayerTree.Place parent, KernelPath marker)
        {
            if (marker.Bytes.SequenceEqual(OpaqueMarker))
            {
                if (parent.Path.Length == 0) { tree.MakeRootOpaque(); return; }
                using DirectoryHandle above = parent.Directory.OpenDirectory("..");
                tree.MakeOpaque(new(above, parent.Path[..^1]), parent.Path[^1]);
                return;
            }
            // What else begins so is aufs' own bookkeeping.
            if (marker.Bytes.StartsWith(MetadataPrefix)) return;
            KernelPath name = new(marker.Bytes[WhiteoutPrefix.Length..]);
            if (name.Bytes.IsEmpty || name == "." || name == "..") throw new ImageFormatException($"{marker} removes no name");
            tree.Remove(parent, name);
        }

        private void AddDirectory(LayerTree.Place parent, KernelPath name, TarEntry entry)
        {
            bool opaque = false;
            if (tree.IsRemoved(parent, name) || parent.Directory.TryStatus(name) is not { Kind: FileKind.Directory })
            {
                opaque = tree.Clear(parent, name);
                parent = Again(parent);
                parent.Directory.MakeDirectory(name);
            }
            SetAttributes(parent.Directory, name, entry);
            // A directory in place of a removed one must not show what that one had.
            if (opaque) tree.MakeOpaque(parent, name);
            tree.SetTimeLater(parent.Child(name), entry.Modified);
        }

        private void AddHardLink(LayerTree.Place parent, KernelPath name, TarEntry entry)
        {
            KernelPath[] target = [.. LayerPath.Clean(entry.LinkPath, limits)];
            if (target.Length == 0) throw new ImageFormatException($"{entry.Path} is a hard link to the root");
            (LayerTree.Place? own, KernelPath[] real) = tree.Find(target.AsSpan(0, target.Length - 1));
            using DirectoryHandle? directory = own?.Directory;
            KernelPath[] realTarget = [.. real, target[^1]];
            if (LayerPath.Join(realTarget) == parent.Child(name)) return;

            FileStatus? status = directory?.TryStatus(target[^1]);
            if (status is { Kind: FileKind.Directory }) throw new ImageFormatException($"{entry.Path} is a hard link to a directory");
            if (status is not null && !tree.IsRemoved(own!, target[^1]))
            {
                tree.Clear(parent, name);
                parent = Again(parent);
                parent.Directory.MakeHardLink(directory!, target[^1], name);
                return;
            }
            // As overlayfs does when a program links to a lower file: it comes up first, so that both names stay one file.
            using LowerLayer.Found? below = tree.Below(realTarget);
            if (below is null or { Status.Kind: FileKind.Directory }) throw new ImageFormatException($"{entry.Path} is a hard link to {entry.LinkPath}, which is no file");
            LayerTree.Place home = tree.Directory(real);
            FileCopy.Copy(below.Directory, below.Name, below.Status, home.Directory, target[^1]);
            Bytes += below.Status.Size;
            using DirectoryHandle homeDirectory = home.Directory.OpenDirectory(".");
            parent = tree.Directory(parent.Path);
            tree.Clear(parent, name);
            parent = Again(parent);
            parent.Directory.MakeHardLink(homeDirectory, target[^1], name);
        }

        private void AddFile(LayerTree.Place parent, KernelPath name, TarEntry entry)
        {
            tree.Clear(parent, name);
            parent = Again(parent);
            DirectoryHandle directory = parent.Directory;
            switch (entry.Kind)
            {
                case TarKind.File:
                    using (FileDescriptor file = directory.OpenFile(name, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, 0x180))
                        WriteContent(file, entry);
                    break;
                case TarKind.SymbolicLink:
                    directory.MakeSymbolicLink(entry.LinkPath, name);
                    break;
                default:
                    FileKind kind = entry.Kind switch
                    {
                        TarKind.CharacterDevice => FileKind.CharacterDevice,
                        TarKind.BlockDevice => FileKind.BlockDevice,
                        _ => FileKind.Fifo,
                    };
                    try
                    {
                        directory.MakeNode(name, kind, entry.Permissions, entry.Major, entry.Minor);
                    }
                    catch (ErrnoException e) when (e.Errno == Errno.EPERM && kind != FileKind.Fifo)
                    {
                        // In a user namespace nobody may; containers get their devices from the runtime anyway.
                        SkippedDevices++;
                        return;
                    }
                    break;
            }
            SetAttributes(directory, name, entry);
            directory.SetModified(name, entry.Modified);
        }

        private void WriteContent(FileDescriptor file, TarEntry entry)
        {
            string name = entry.Path.ToString();
            if (entry.Sparse.IsDefault)
            {
                for (ReadOnlySpan<byte> data = tar.Read(); !data.IsEmpty; data = tar.Read()) OpenedFile.Write(file, data, name);
                return;
            }
            ReadOnlySpan<byte> rest = [];
            foreach (SparsePiece piece in entry.Sparse)
            {
                OpenedFile.Rewind(file, piece.Offset, name);
                for (long left = piece.Length; left > 0;)
                {
                    if (rest.IsEmpty) rest = tar.Read();
                    int count = (int)Math.Min(left, rest.Length);
                    OpenedFile.Write(file, rest[..count], name);
                    rest = rest[count..];
                    left -= count;
                }
            }
            OpenedFile.SetSize(file, entry.Size, name);
        }

        /// <summary>Owner first: a change of owner takes setuid bits and capabilities away. The time is last, and not set here.</summary>
        private static void SetAttributes(DirectoryHandle directory, KernelPath name, TarEntry entry)
        {
            directory.SetOwner(name, entry.Uid, entry.Gid);
            if (entry.Kind != TarKind.SymbolicLink) directory.SetMode(name, entry.Permissions);
            foreach ((string attribute, byte[] value) in entry.Attributes)
                if (!FileCopy.IsOverlayPrivate(attribute)) FileCopy.SetAttribute(directory, name, attribute, value);
        }

        /// <summary>Making room may have closed the directory that was held open.</summary>
        private LayerTree.Place Again(LayerTree.Place place) => place.Directory.Descriptor.IsClosed ? tree.Directory(place.Path) : place;
    }
}
