using System.Globalization;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Streams;

/// <summary>
/// The files of one container instance's log: <c>N.log</c> and what the holder moved aside as
/// <c>N.log.YYYYMMDD-HHMMSS[-NNN]</c>. Everything is reached through the directory's fd and refused when it is a link, a
/// device or has a second name (spec 60 rule 17).
/// </summary>
internal sealed class LogFiles : IDisposable
{
    private const int StampLength = 15;
    private readonly DirectoryHandle _directory;
    private readonly string _name;

    /// <exception cref="ErrnoException">ENOENT: no such directory.</exception>
    public LogFiles(string path)
    {
        _directory = DirectoryHandle.Open(Path.GetDirectoryName(path)!);
        _name = Path.GetFileName(path);
    }

    public string Directory => _directory.Name;

    public LogFile? TryOpenCurrent() => TryOpen(_name);

    /// <summary>Every file of the log, oldest first, each held open: none can be rotated away any more.</summary>
    public List<LogFile> OpenAll()
    {
        // The current one first: what is listed afterwards holds every file before it, and perhaps itself, rotated meanwhile.
        LogFile? current = TryOpen(_name);
        List<LogFile> files = [];
        foreach (string name in Rotated())
        {
            if (TryOpen(name) is not { } file) continue;
            if (file.Inode == current?.Inode)
            {
                file.Dispose();
                break;
            }
            files.Add(file);
        }
        if (current is not null) files.Add(current);
        return files;
    }

    /// <summary>The file that was begun after <paramref name="file"/>.</summary>
    /// <returns>Null while the file is the current one, or its successor has not been made yet.</returns>
    public LogFile? TryOpenNext(LogFile file)
    {
        // In this order for the same reason as above.
        LogFile? current = TryOpen(_name);
        if (current?.Inode == file.Inode)
        {
            current.Dispose();
            return null;
        }
        List<string> rotated = Rotated();
        // A file that is no longer among them was the oldest and is pruned: all that is there is newer.
        int at = rotated.FindIndex(n => _directory.TryStatus(n)?.Inode == file.Inode);
        foreach (string name in rotated.Skip(at + 1))
        {
            if (TryOpen(name) is not { } next) continue;
            current?.Dispose();
            return next;
        }
        return current;
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>A name's place in time; null for what is not a rotated file of <paramref name="log"/>.</summary>
    internal static (string Stamp, int Number)? Order(string log, string name)
    {
        if (!name.StartsWith(log + ".", StringComparison.Ordinal)) return null;
        ReadOnlySpan<char> rest = name.AsSpan(log.Length + 1);
        if (rest.Length < StampLength || rest[8] != '-') return null;
        ReadOnlySpan<char> stamp = rest[..StampLength];
        if (stamp[..8].ContainsAnyExceptInRange('0', '9') || stamp[9..].ContainsAnyExceptInRange('0', '9')) return null;
        rest = rest[StampLength..];
        if (rest.IsEmpty) return (stamp.ToString(), 0);
        return rest[0] == '-' && int.TryParse(rest[1..], NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? (stamp.ToString(), number) : null;
    }

    private List<string> Rotated() =>
        [.. _directory.List().Select(n => n.ToString()).Select(n => (Name: n, Order: Order(_name, n))).Where(n => n.Order is not null)
            .OrderBy(n => n.Order!.Value.Stamp, StringComparer.Ordinal).ThenBy(n => n.Order!.Value.Number).Select(n => n.Name)];

    private LogFile? TryOpen(string name)
    {
        try
        {
            FileDescriptor fd = _directory.OpenRegularFile(name);
            return new(fd, DirectoryHandle.StatusOf(fd, name).Inode, $"{_directory.Name}/{name}");
        }
        catch (ErrnoException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }
}

/// <summary>One file of a log, by its inode: its name may change while it is read.</summary>
internal sealed class LogFile(FileDescriptor descriptor, ulong inode, string name) : IDisposable
{
    public FileDescriptor Descriptor { get; } = descriptor;

    public ulong Inode { get; } = inode;

    /// <summary>As it was opened, for messages.</summary>
    public string Name { get; } = name;

    public long Size => DirectoryHandle.StatusOf(Descriptor, Name).Size;

    public void Dispose() => Descriptor.Dispose();
}
