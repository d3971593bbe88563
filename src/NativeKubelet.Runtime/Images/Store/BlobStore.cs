using System.Buffers;
using System.Security.Cryptography;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Runtime.Images.Store;

/// <summary>
/// Content by digest. A file bears a digest as its name only when all of its bytes were hashed and are on the disk. What
/// was fetched so far stays in ingest and is gone on with, also by the next agent.
/// </summary>
internal sealed class BlobStore(StorePaths paths)
{
    private const int Chunk = 128 * 1024;

    public bool Has(ContentDigest digest) => File.Exists(PathOf(digest));

    /// <summary>A layer blob, verified when it was stored.</summary>
    public Stream Open(ContentDigest digest) => new FileStream(PathOf(digest), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);

    /// <summary>A document, verified again.</summary>
    /// <returns>Null when it is not here or not what it was; then it is gone.</returns>
    public byte[]? TryRead(ContentDigest digest)
    {
        if (!Has(digest)) return null;
        if (new FileInfo(PathOf(digest)).Length <= ImageContent.LargestDocument)
        {
            byte[] content = File.ReadAllBytes(PathOf(digest));
            if (digest.Matches(content)) return content;
        }
        AtomicFile.SetAside(PathOf(digest));
        return null;
    }

    public void Write(ContentDigest digest, ReadOnlySpan<byte> content)
    {
        if (!digest.Matches(content)) throw new ImageFormatException($"the content is not what its digest {digest} promises");
        if (!Has(digest)) AtomicFile.Write(PathOf(digest), content);
    }

    public void Remove(ContentDigest digest) => File.Delete(PathOf(digest));

    /// <summary>How much of a blob is here already.</summary>
    public long Ingested(ContentDigest digest) => new FileInfo(IngestOf(digest)) is { Exists: true } file ? file.Length : 0;

    /// <summary>Appends a stream to what is here of a blob; when it is whole and right, it becomes a blob.</summary>
    /// <param name="open">Opens the content at an offset, and says where it really begins.</param>
    /// <exception cref="ImageFormatException">Not what the digest promises; nothing is kept of it.</exception>
    public async Task FetchAsync(ContentDescriptor blob, Func<long, Task<RegistryBlob>> open, Action<long> progress, CancellationToken cancel)
    {
        string name = IngestOf(blob.Digest);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        using DirectoryHandle ingest = DirectoryHandle.Open(paths.Ingest);
        using FileDescriptor file = ingest.OpenFile(blob.Digest.FileName, OpenFlags.ReadWrite | OpenFlags.Create, 0x180);
        IncrementalHash? hash = null;
        try
        {
            (hash, long have) = Rehash(file, blob, buffer, name);
            if (have < blob.Size)
            {
                using RegistryBlob content = await open(have);
                if (content.Offset != have)
                {
                    if (content.Offset != 0) throw new IOException($"blob {blob.Digest}: asked from byte {have} on, got it from {content.Offset}");
                    hash.Dispose();
                    hash = IncrementalHash.CreateHash(blob.Digest.Algorithm);
                    have = 0;
                    OpenedFile.SetSize(file, 0, name);
                    OpenedFile.Rewind(file, 0, name);
                }
                progress(have);
                while (true)
                {
                    int count = await content.Content.ReadAsync(buffer, cancel);
                    if (count == 0) break;
                    have += count;
                    if (have > blob.Size) throw Reject(ingest, blob, $"is longer than the {blob.Size} bytes promised");
                    hash.AppendData(buffer, 0, count);
                    OpenedFile.Write(file, buffer.AsSpan(0, count), name);
                    progress(have);
                }
                if (have < blob.Size) throw new IOException($"blob {blob.Digest}: the connection ended after {have} of {blob.Size} bytes");
            }
            if (Convert.ToHexStringLower(hash.GetHashAndReset()) != blob.Digest.Hex) throw Reject(ingest, blob, "is not what its digest promises");
            OpenedFile.Sync(file, name);
            using DirectoryHandle blobs = DirectoryHandle.Open(paths.Blobs);
            ingest.Rename(blob.Digest.FileName, blobs, blob.Digest.FileName);
            blobs.Sync();
        }
        finally
        {
            hash?.Dispose();
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Removes half-fetched blobs that nobody came back for.</summary>
    public void RemoveAbandoned(DateTime before)
    {
        foreach (FileInfo file in new DirectoryInfo(paths.Ingest).EnumerateFiles())
            if (file.LastWriteTimeUtc < before) file.Delete();
    }

    /// <summary>Removes blobs that no record names and that are older than a moment: layers of a pull that never ended.</summary>
    public void RemoveUnnamed(IReadOnlySet<string> named, DateTime before)
    {
        foreach (FileInfo file in new DirectoryInfo(paths.Blobs).EnumerateFiles())
            if (!named.Contains(file.Name) && file.LastWriteTimeUtc < before) file.Delete();
    }

    public long UsedBytes() =>
        new DirectoryInfo(paths.Blobs).EnumerateFiles().Sum(f => f.Length) + new DirectoryInfo(paths.Ingest).EnumerateFiles().Sum(f => f.Length);

    private static (IncrementalHash, long) Rehash(FileDescriptor file, ContentDescriptor blob, byte[] buffer, string name)
    {
        IncrementalHash hash = IncrementalHash.CreateHash(blob.Digest.Algorithm);
        long have = 0;
        for (int count; (count = OpenedFile.Read(file, buffer, name)) > 0; have += count) hash.AppendData(buffer, 0, count);
        if (have <= blob.Size) return (hash, have);
        // More than was promised cannot be a beginning of it.
        OpenedFile.SetSize(file, 0, name);
        OpenedFile.Rewind(file, 0, name);
        hash.Dispose();
        return (IncrementalHash.CreateHash(blob.Digest.Algorithm), 0);
    }

    private static ImageFormatException Reject(DirectoryHandle ingest, ContentDescriptor blob, string reason)
    {
        ingest.Unlink(blob.Digest.FileName);
        return new($"blob {blob.Digest} {reason}");
    }

    private string PathOf(ContentDigest digest) => Path.Combine(paths.Blobs, digest.FileName);

    private string IngestOf(ContentDigest digest) => Path.Combine(paths.Ingest, digest.FileName);
}
