using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>A file that a container left in one of its pod's emptyDir volumes, read without following it anywhere else.</summary>
public static class EmptyDirFile
{
    private const int MostBytes = 1 << 20;

    /// <exception cref="IOException">It is missing, outside the volume, no plain file or too large.</exception>
    public static string Read(RuntimePaths paths, string podUid, string volume, string path)
    {
        using DirectoryHandle root = EmptyDirVolume.Directory(paths, podUid, volume).Open();
        using FileDescriptor file = root.OpenInside(path.TrimStart('/'), OpenFlags.Read | OpenFlags.NonBlocking, PathBorder.ActAsRoot);
        return RegularFile.TryRead(file, path, MostBytes, out byte[] content) switch
        {
            RegularFileResult.Read => Encoding.UTF8.GetString(content),
            RegularFileResult.TooLarge => throw new IOException($"it has more than the {MostBytes} bytes that are read"),
            _ => throw new IOException("it is no plain file"),
        };
    }
}
