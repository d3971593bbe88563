using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>Writes a layer by the framework's own tar writer, which takes every name and target, decent or not.</summary>
public sealed class LayerBuilder
{
    private readonly List<TarEntry> _entries = [];

    public LayerBuilder Directory(string name, UnixFileMode mode = (UnixFileMode)0x1ED, params (string Key, string Value)[] attributes) =>
        Add(TarEntryType.Directory, name, e => e.Mode = mode, attributes);

    public LayerBuilder File(string name, string content = "", UnixFileMode mode = (UnixFileMode)0x1A4, int uid = 0, params (string Key, string Value)[] attributes) =>
        Add(TarEntryType.RegularFile, name, e =>
        {
            e.Mode = mode;
            e.Uid = uid;
            e.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content));
        }, attributes);

    public LayerBuilder Symlink(string name, string target) => Add(TarEntryType.SymbolicLink, name, e => e.LinkName = target);

    public LayerBuilder Hardlink(string name, string target) => Add(TarEntryType.HardLink, name, e => e.LinkName = target);

    public LayerBuilder Device(string name, int major, int minor) => Add(TarEntryType.CharacterDevice, name, e =>
    {
        ((PaxTarEntry)e).DeviceMajor = major;
        ((PaxTarEntry)e).DeviceMinor = minor;
    });

    public LayerBuilder Whiteout(string path) => File(Path.Combine(Path.GetDirectoryName(path) ?? "", ".wh." + Path.GetFileName(path)));

    public LayerBuilder Opaque(string directory) => File(Path.Combine(directory, ".wh..wh..opq"));

    public byte[] Plain()
    {
        using MemoryStream bytes = new();
        using (TarWriter tar = new(bytes, TarEntryFormat.Pax, leaveOpen: true))
            foreach (TarEntry entry in _entries) tar.WriteEntry(entry);
        return bytes.ToArray();
    }

    public byte[] Gzip()
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(Plain());
        return packed.ToArray();
    }

    private LayerBuilder Add(TarEntryType type, string name, Action<TarEntry> change, params (string Key, string Value)[] attributes)
    {
        PaxTarEntry entry = new(type, name, attributes.Select(a => KeyValuePair.Create(a.Key, a.Value))) { ModificationTime = DateTimeOffset.FromUnixTimeSeconds(1_600_000_000) };
        change(entry);
        _entries.Add(entry);
        return this;
    }
}
