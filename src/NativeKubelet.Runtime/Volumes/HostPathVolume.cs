using k8s.Models;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>hostPath (spec 41 §5.2): what the operator named, checked for being of the kind that the manifest says.</summary>
internal static class HostPathVolume
{
    private const UnixFileMode DirectoryMode =
        FileMode | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;   // 0755

    private const UnixFileMode FileMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;   // 0644

    /// <exception cref="IOException">It cannot be had; the message names the path.</exception>
    public static void SetUp(V1HostPathVolumeSource source)
    {
        string path = source.Path;
        switch (source.Type ?? "")
        {
            case "":
                // Unchecked, but a bind mount needs something to show; runtimes have always made a directory.
                if (KindOf(path) is null) Directory.CreateDirectory(path, DirectoryMode);
                break;
            case "DirectoryOrCreate":
                if (KindOf(path) is null) Directory.CreateDirectory(path, DirectoryMode);
                Expect(path, FileKind.Directory, "directory", "");
                break;
            case "Directory":
                Expect(path, FileKind.Directory, "directory", "; create it or set hostPath.type to DirectoryOrCreate");
                break;
            case "FileOrCreate":
                if (KindOf(path) is null) CreateFile(path);
                Expect(path, FileKind.Regular, "file", "");
                break;
            case "File":
                Expect(path, FileKind.Regular, "file", "; create it or set hostPath.type to FileOrCreate");
                break;
            case "Socket":
                Expect(path, FileKind.Socket, "socket", "");
                break;
            case "CharDevice":
                Expect(path, FileKind.CharacterDevice, "character device", "");
                break;
            case "BlockDevice":
                Expect(path, FileKind.BlockDevice, "block device", "");
                break;
            default:
                throw new IOException($"hostPath type {source.Type} of {path} is not known");
        }
    }

    private static void Expect(string path, FileKind wanted, string word, string remedy)
    {
        FileKind? found = KindOf(path);
        if (found == wanted) return;
        throw new IOException(found is null
            ? $"hostPath type check failed: {path} is not a {word}: it does not exist{remedy}"
            : $"hostPath type check failed: {path} is not a {word}");
    }

    /// <summary>Symbolic links are followed to their end, as the mount will.</summary>
    public static FileKind? KindOf(string path)
    {
        using DirectoryHandle root = DirectoryHandle.Open("/");
        try
        {
            using FileDescriptor place = root.OpenInside(path, OpenFlags.PathOnly, PathBorder.ActAsRoot);
            return DirectoryHandle.StatusOf(place, path).Kind;
        }
        catch (ErrnoException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            return null;
        }
    }

    private static void CreateFile(string path)
    {
        using FileStream file = new(path, new FileStreamOptions { Mode = System.IO.FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = FileMode });
    }
}
