using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.SELinux;

/// <summary>SELinux labels of files. Links are labelled themselves, and what is mounted below is somebody else's.</summary>
public static class FileLabels
{
    private const string Attribute = "security.selinux";

    /// <returns>Null where a file has none of its own.</returns>
    public static string? Of(DirectoryHandle directory, KernelPath name) =>
        directory.TryGetAttribute(name, Attribute) is { } value ? Encoding.UTF8.GetString(value).TrimEnd('\0') : null;

    /// <summary>Labels a file, or a directory with all that is in it; where the file system keeps no labels nothing happens.</summary>
    /// <exception cref="ErrnoException">EACCES, EROFS: a file that has another label keeps it, so a program would not reach it.</exception>
    public static void Set(string path, string label, CancellationToken cancel)
    {
        if (Directory.Exists(path))
        {
            using DirectoryHandle directory = DirectoryHandle.Open(path);
            Set(directory, label, cancel);
            return;
        }
        using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(path)!);
        Entry(parent, Path.GetFileName(path), label);
    }

    /// <inheritdoc cref="Set(string, string, CancellationToken)"/>
    public static void Set(DirectoryHandle directory, string label, CancellationToken cancel) => Tree(directory, label, 0, cancel);

    /// <summary>Itself last: a directory that has the label has nothing without it, unless somebody changed that since.</summary>
    private static void Tree(DirectoryHandle directory, string label, int depth, CancellationToken cancel)
    {
        foreach (KernelPath name in Names(directory))
        {
            cancel.ThrowIfCancellationRequested();
            if (directory.TryStatus(name) is not { } status || status.MountRoot == true) continue;
            if (status.Kind == FileKind.Directory)
            {
                if (depth >= DirectoryHandle.MaxDepth) throw new ErrnoException("openat", $"{directory.Name}/{name}", Errno.ELOOP);
                using DirectoryHandle? inner = directory.TryOpenDirectory(name, out int errno);
                if (inner is null)
                {
                    if (errno is not (Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)) throw new ErrnoException("openat", $"{directory.Name}/{name}", errno);
                }
                else if (status.MountRoot is not null || !inner.IsMountBelow(directory)) Tree(inner, label, depth + 1, cancel);
            }
            else Entry(directory, name, label);
        }
        Entry(directory, ".", label);
    }

    private static List<KernelPath> Names(DirectoryHandle directory)
    {
        try
        {
            return directory.List();
        }
        catch (ErrnoException e) when (e.Errno == Errno.ENOENT)
        {
            return [];     // removed since it was opened: containers use their volumes meanwhile
        }
    }

    private static void Entry(DirectoryHandle directory, KernelPath name, string label)
    {
        try
        {
            // Most have it already, and every write would be one to the disk. With its NUL, as every tool of SELinux writes it.
            if (Of(directory, name) != label) directory.SetAttribute(name, Attribute, Encoding.UTF8.GetBytes(label + "\0"));
        }
        catch (ErrnoException e) when (e.Errno is Errno.ENOENT or Errno.ENOTSUP)
        {
            // Removed meanwhile, or on a file system whose labels its mount decides.
        }
    }
}
