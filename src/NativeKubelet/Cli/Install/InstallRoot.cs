using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Cli.Install;

/// <summary>
/// The file system that is installed into: the machine's own, or an image's that is being made. Links in it are followed as
/// the image's own system would, and never out of it.
/// </summary>
internal sealed class InstallRoot : IDisposable
{
    private const int LargestText = 1 << 20;

    private readonly DirectoryHandle _root;

    private InstallRoot(DirectoryHandle root, string path) => (_root, Path) = (root, path);

    /// <summary>As given.</summary>
    public string Path { get; }

    public bool IsMachine => Path == "/";

    /// <exception cref="VerbException">There is no such directory.</exception>
    public static InstallRoot Open(string path)
    {
        try
        {
            return new(DirectoryHandle.Open(path), System.IO.Path.GetFullPath(path));
        }
        catch (ErrnoException e)
        {
            throw new VerbException($"--root {path}: {e.Message}");
        }
    }

    public bool Exists(string path) => KindOf(path) is not null;

    /// <returns>Null: nothing is there.</returns>
    public FileKind? KindOf(string path)
    {
        using DirectoryHandle? parent = Parent(path, create: false);
        return parent?.TryStatus(Name(path))?.Kind;
    }

    public string? LinkTarget(string path)
    {
        using DirectoryHandle? parent = Parent(path, create: false);
        return parent?.TryStatus(Name(path)) is { Kind: FileKind.SymbolicLink } ? parent.ReadLink(Name(path)).ToString() : null;
    }

    /// <returns>Null where there is no regular file.</returns>
    public byte[]? Content(string path)
    {
        using DirectoryHandle? parent = Parent(path, create: false);
        if (parent?.TryStatus(Name(path)) is not { Kind: FileKind.Regular, Size: <= LargestText } status) return null;
        using FileDescriptor file = parent.OpenFile(Name(path), OpenFlags.Read);
        byte[] content = new byte[status.Size];
        int filled = 0;
        for (int count; filled < content.Length && (count = OpenedFile.Read(file, content.AsSpan(filled), path)) > 0;) filled += count;
        return content[..filled];
    }

    /// <returns>False: it was so already.</returns>
    public bool Write(string path, ReadOnlySpan<byte> content, uint mode)
    {
        using DirectoryHandle parent = Parent(path, create: true)!;
        return AtomicFile.Write(parent, Name(path), content, mode);
    }

    /// <returns>False: it was so already.</returns>
    public bool Link(string path, string target)
    {
        if (LinkTarget(path) == target) return false;
        using DirectoryHandle parent = Parent(path, create: true)!;
        parent.Unlink(Name(path));
        parent.MakeSymbolicLink(target, Name(path));
        return true;
    }

    /// <returns>False: it was there already.</returns>
    public bool MakeDirectory(string path)
    {
        if (Exists(path)) return false;
        Parent(path + "/x", create: true)!.Dispose();
        return true;
    }

    /// <returns>False: there was nothing.</returns>
    public bool Remove(string path)
    {
        using DirectoryHandle? parent = Parent(path, create: false);
        return parent is not null && parent.Unlink(Name(path));
    }

    /// <summary>Where it is empty.</summary>
    public void RemoveDirectory(string path)
    {
        using DirectoryHandle? parent = Parent(path, create: false);
        try
        {
            parent?.RemoveDirectory(Name(path));
        }
        catch (ErrnoException e) when (e.Errno is Errno.ENOTEMPTY or Errno.EEXIST or Errno.ENOTDIR or Errno.ENOENT)
        {
            // Others have put something there.
        }
    }

    /// <returns>False: there was nothing.</returns>
    public bool RemoveTree(string path)
    {
        using DirectoryHandle? parent = Parent(path, create: false);
        return parent is not null && parent.RemoveTree(Name(path));
    }

    public void Dispose() => _root.Dispose();

    private DirectoryHandle? Parent(string path, bool create)
    {
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries)[..^1];
        for (int depth = 1; create && depth <= names.Length; depth++)
        {
            using DirectoryHandle above = Inside(names[..(depth - 1)])!;
            if (Inside(names[..depth]) is { } there)
            {
                there.Dispose();
                continue;
            }
            above.MakeDirectory(names[depth - 1]);
            above.SetMode(names[depth - 1], 0x1ED);
        }
        return Inside(names);
    }

    private DirectoryHandle? Inside(string[] names)
    {
        try
        {
            return _root.OpenDirectoryInside(names.Length == 0 ? "." : string.Join('/', names), PathBorder.ActAsRoot);
        }
        catch (ErrnoException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }

    private static string Name(string path) => System.IO.Path.GetFileName(path);
}
