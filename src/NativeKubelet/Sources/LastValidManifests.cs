using System.Buffers.Binary;
using System.Text;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Sources;

/// <summary>
/// The last valid content of each manifest, in DATA/manifests (0600: manifests hold secrets). It stands in for a file that
/// turned invalid, also after a restart or reboot. Written only when content changed; a broken copy is set aside.
/// Not for parallel use.
/// </summary>
/// <param name="directory">Made on first use, 0700.</param>
internal sealed partial class LastValidManifests(string directory, ILogger<LastValidManifests> log)
{
    // Head: 8 bytes of magic, u32 length of the location, 32 hex digits of a hash over location and content. Then location, then content.
    private const int HeadLength = 8 + 4 + 32;
    private const int MostBytes = ManifestFolder.MostBytes + HeadLength + 4096;
    private const uint OnlyOwner = 0x180, OnlyOwnerDirectory = 0x1C0; // 0600, 0700
    private static ReadOnlySpan<byte> Magic => "nkmanif1"u8;

    /// <returns>Null where none is kept for this location.</returns>
    public byte[]? Load(string source, string location)
    {
        string path = PathOf(source, location);
        try
        {
            if (RegularFile.TryRead(path, MostBytes, out byte[] bytes) == RegularFileResult.Missing) return null;
            if (Content(bytes, location) is { } content) return content;
            LastValidBroken(location, AtomicFile.SetAside(path));
        }
        catch (IOException e)
        {
            LastValidNotRead(location, e.Message);
        }
        return null;
    }

    /// <summary>Keeps what was just used. A disk that refuses is told and tried again with the next change.</summary>
    public void Save(string source, string location, ReadOnlySpan<byte> content)
    {
        try
        {
            if (!Directory.Exists(directory))
            {
                Directory.CreateDirectory(directory);
                using DirectoryHandle made = DirectoryHandle.Open(directory);
                DirectoryHandle.SetMode(made.Descriptor, OnlyOwnerDirectory, directory);
            }
            AtomicFile.Write(PathOf(source, location), Packed(location, content), OnlyOwner);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LastValidNotKept(location, e.Message);
        }
    }

    /// <summary>The location's file is gone.</summary>
    public void Forget(string source, string location)
    {
        try
        {
            AtomicFile.Remove(PathOf(source, location));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LastValidNotKept(location, e.Message);
        }
    }

    /// <summary>Forgets every location of this source but the given: their files are gone.</summary>
    public void KeepOnly(string source, IEnumerable<string> locations)
    {
        HashSet<string> keep = [.. locations.Select(l => NameOf(source, l))];
        try
        {
            if (!Directory.Exists(directory)) return;
            foreach (string path in Directory.EnumerateFiles(directory, source + "-*"))
                if (!keep.Contains(Path.GetFileName(path))) File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LastValidNotKept(directory, e.Message);
        }
    }

    private static byte[] Packed(string location, ReadOnlySpan<byte> content)
    {
        byte[] name = Encoding.UTF8.GetBytes(location);
        byte[] packed = new byte[HeadLength + name.Length + content.Length];
        Magic.CopyTo(packed);
        BinaryPrimitives.WriteInt32LittleEndian(packed.AsSpan(8), name.Length);
        name.CopyTo(packed, HeadLength);
        content.CopyTo(packed.AsSpan(HeadLength + name.Length));
        Encoding.ASCII.GetBytes(Fnv128.Of(packed.AsSpan(HeadLength)), packed.AsSpan(12, 32));
        return packed;
    }

    private static byte[]? Content(byte[] bytes, string location)
    {
        if (bytes.Length < HeadLength || !bytes.AsSpan(0, 8).SequenceEqual(Magic)) return null;
        int length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8));
        if (length < 0 || length > bytes.Length - HeadLength) return null;
        if (Fnv128.Of(bytes.AsSpan(HeadLength)) != Encoding.ASCII.GetString(bytes, 12, 32)) return null;
        return Encoding.UTF8.GetString(bytes, HeadLength, length) == location ? bytes[(HeadLength + length)..] : null;
    }

    private string PathOf(string source, string location) => Path.Combine(directory, NameOf(source, location));

    private static string NameOf(string source, string location) =>
        $"{source}-{Fnv128.Of(Encoding.UTF8.GetBytes(location))}";

    [LoggerMessage(LogLevel.Warning, "LastValidNotKept location={Location}: {Cause}; were the manifest to turn invalid, its pods would end at the next restart")]
    private partial void LastValidNotKept(string location, string cause);

    [LoggerMessage(LogLevel.Warning, "LastValidNotRead location={Location}: {Cause}")]
    private partial void LastValidNotRead(string location, string cause);

    [LoggerMessage(LogLevel.Warning, "LastValidBroken location={Location}: the kept content is damaged, set aside as {Path}")]
    private partial void LastValidBroken(string location, string path);
}
