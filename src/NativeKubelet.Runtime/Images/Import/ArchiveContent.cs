using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Runtime.Images.Import;

/// <summary>The files of an image archive or layout, by name. Nothing is unpacked: a file is a piece of the archive.</summary>
internal abstract class ArchiveContent : IDisposable
{
    /// <param name="path">A tar archive, plain or compressed, or a directory.</param>
    /// <param name="scratch">Where a compressed archive is decompressed to, without a name of its own, while it is open.</param>
    /// <exception cref="ImageFormatException">No archive. IOException: not to be read, or no room to decompress it.</exception>
    public static async Task<ArchiveContent> OpenAsync(string path, string scratch, LayerLimits limits, CancellationToken cancel)
    {
        if (Directory.Exists(path)) return new LayoutDirectory(DirectoryHandle.Open(path));
        return await Task.Factory.StartNew<ArchiveContent>(() => TarArchive.Open(path, scratch, limits, cancel), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public abstract bool Has(string name);

    /// <summary>Able to seek, with its length; the caller disposes it.</summary>
    /// <exception cref="ImageFormatException">There is no such file.</exception>
    public abstract FileSlice Open(string name);

    public byte[] ReadDocument(string name)
    {
        using FileSlice file = Open(name);
        if (file.Length > ImageContent.LargestDocument) throw new ImageFormatException($"{name} is {file.Length} bytes; at most {ImageContent.LargestDocument} are taken");
        byte[] content = new byte[file.Length];
        file.ReadExactly(content);
        return content;
    }

    public abstract void Dispose();

    protected static ImageFormatException Missing(string name) => new($"the archive has no {name}");

    private sealed class LayoutDirectory(DirectoryHandle directory) : ArchiveContent
    {
        public override bool Has(string name)
        {
            if (name.Contains('\0')) return false;
            try
            {
                using FileDescriptor _ = directory.OpenInside(name, OpenFlags.PathOnly, PathBorder.Refuse);
                return true;
            }
            catch (ErrnoException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
            {
                return false;
            }
        }

        public override FileSlice Open(string name)
        {
            if (!Has(name)) throw Missing(name);
            // A fifo in its place must not keep us waiting.
            using FileDescriptor file = directory.OpenInside(name, OpenFlags.Read | OpenFlags.NonBlocking, PathBorder.Refuse);
            if (DirectoryHandle.StatusOf(file, name).Kind != FileKind.Regular) throw new ImageFormatException($"{name} is no file");
            SafeFileHandle handle = File.OpenHandle(file.ProcPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return new FileSlice(handle, 0, RandomAccess.GetLength(handle), ownsFile: true);
        }

        public override void Dispose() => directory.Dispose();
    }

    private sealed class TarArchive(FileStream file) : ArchiveContent
    {
        private const int MostLinks = 8;
        private readonly Dictionary<string, (long Offset, long Size)> _files = new(StringComparer.Ordinal);
        private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);

        public static TarArchive Open(string path, string scratch, LayerLimits limits, CancellationToken cancel)
        {
            FileStream packed = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            FileStream plain = packed;
            try
            {
                Compression compression = Decompression.Detect(packed);
                if (compression != Compression.None) plain = Decompress(packed, compression, scratch, limits, cancel);
                TarArchive archive = new(plain);
                archive.Index(limits, cancel);
                return archive;
            }
            catch (Exception e)
            {
                plain.Dispose();
                if (e is InvalidDataException or ZstdSharp.ZstdException or EndOfStreamException) throw new ImageFormatException($"it cannot be decompressed: {e.Message}", e);
                throw;
            }
        }

        public override bool Has(string name) => _files.ContainsKey(Follow(name));

        public override FileSlice Open(string name) =>
            _files.TryGetValue(Follow(name), out (long Offset, long Size) place) ? new FileSlice(file.SafeFileHandle, place.Offset, place.Size, ownsFile: false) : throw Missing(name);

        public override void Dispose() => file.Dispose();

        private static FileStream Decompress(FileStream packed, Compression compression, string scratch, LayerLimits limits, CancellationToken cancel)
        {
            long size = packed.Length;
            FileStream plain = new(Path.Combine(scratch, Guid.NewGuid().ToString("N")), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
            try
            {
                using DigestStream stream = new(Decompression.Open(packed, compression), HashAlgorithmName.SHA256)
                {
                    Progress = count => { cancel.ThrowIfCancellationRequested(); limits.CheckInflation(count, size); },
                };
                stream.CopyTo(plain, 128 * 1024);
                plain.Position = 0;
                return plain;
            }
            catch
            {
                plain.Dispose();
                throw;
            }
        }

        private void Index(LayerLimits limits, CancellationToken cancel)
        {
            using TarReader tar = new(file, limits);
            while (tar.Next() is { } entry)
            {
                cancel.ThrowIfCancellationRequested();
                string name = Clean(entry.Path, limits);
                if (entry.Kind == TarKind.File && entry.Sparse.IsDefault) _files[name] = (tar.Position, entry.StoredSize);
                // docker save once wrote layers that occur twice as links; a hard link names its target from the root on.
                else if (entry.Kind == TarKind.SymbolicLink) _links[name] = Clean(KernelPath.FromString($"{Path.GetDirectoryName(name)}/{entry.LinkPath}"), limits);
                else if (entry.Kind == TarKind.HardLink) _links[name] = Clean(entry.LinkPath, limits);
            }
        }

        private static string Clean(KernelPath path, LayerLimits limits) => LayerPath.Join(LayerPath.Clean(path, limits).ToArray()).ToString();

        private string Follow(string name)
        {
            for (int i = 0; i < MostLinks && _links.TryGetValue(name, out string? target); i++) name = target;
            return name;
        }
    }
}
