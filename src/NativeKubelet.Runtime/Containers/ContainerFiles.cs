using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Containers;

/// <summary>Names of everything that exists for one container, in DATA, in RUN and among the logs.</summary>
/// <param name="Id">64 hexadecimal digits.</param>
internal readonly record struct ContainerFiles(RuntimePaths Paths, string Id)
{
    private const int MaxFileName = 255;
    private const string LogSuffix = ".log";

    /// <summary>Durable: writable layer and record.</summary>
    public string Data => Paths.ContainerData(Id);

    public string Record => Path.Combine(Data, "record.json");

    public string Bundle => Path.Combine(Paths.Run, "containers", Id);

    public string RootFileSystem => Path.Combine(Bundle, "rootfs");

    /// <summary>For a pod with users of its own, who cannot enter RUN: root file system and volumes as they see them.</summary>
    public string UsersDirectory => Path.Combine(Paths.UsersRun, Id);

    public string UsersRootFileSystem => Path.Combine(UsersDirectory, "rootfs");

    public string Config => Path.Combine(Bundle, "config.json");

    public string PidFile => Path.Combine(Bundle, "pid");

    public string RuntimeLog => Path.Combine(Bundle, "runtime.log");

    /// <summary>Short, as sun_path holds 107 bytes; RUN itself is the deepest part of it.</summary>
    public string ConsoleSocket(string name) => Path.Combine(Paths.Run, "tty", name);

    /// <summary>Durably, or for a start that nothing waits for without.</summary>
    public void Write(ContainerRecord record, bool durable)
    {
        Directory.CreateDirectory(Data);
        AtomicFile.Write(Record, record.ToJson(), durable: durable);
    }

    public static string PodLogs(RuntimePaths paths, string podNamespace, string podName, string podUid) =>
        Path.Combine(paths.PodLogs, $"{podNamespace}_{podName}_{podUid}");

    /// <summary>Where log collectors look: POD_NAMESPACE_CONTAINER-ID.log, cut to what a file name may hold.</summary>
    public static string LogLink(RuntimePaths paths, ContainerRecord record)
    {
        string name = $"{record.PodName}_{record.PodNamespace}_{record.Name}-{record.Id}";
        return Path.Combine(paths.ContainerLogs, name[..Math.Min(name.Length, MaxFileName - LogSuffix.Length)] + LogSuffix);
    }

    public static void LinkLog(RuntimePaths paths, ContainerRecord record)
    {
        Directory.CreateDirectory(paths.ContainerLogs);
        string link = LogLink(paths, record);
        File.Delete(link);
        File.CreateSymbolicLink(link, record.LogPath);
    }

    /// <summary>The instance's log with all its rotated parts, and the link to it.</summary>
    public static void RemoveLogs(RuntimePaths paths, ContainerRecord record)
    {
        // A container that never started may be the first of all: then there is no directory of links yet, and nothing to remove.
        if (Directory.Exists(paths.ContainerLogs)) File.Delete(LogLink(paths, record));
        string? directory = Path.GetDirectoryName(record.LogPath);
        if (directory is null || !Directory.Exists(directory)) return;
        using DirectoryHandle handle = DirectoryHandle.Open(directory);
        string name = Path.GetFileName(record.LogPath);
        foreach (KernelPath entry in handle.List())
            if (entry.ToString() is var text && (text == name || text.StartsWith(name + ".", StringComparison.Ordinal))) handle.Unlink(entry);
    }

    /// <summary>A file of the container's root that may be anything an image author liked; empty where it is missing or no plain file.</summary>
    /// <exception cref="IOException">Larger than anything that is such a file.</exception>
    public static string ReadInside(string root, string path, int mostBytes)
    {
        using DirectoryHandle inside = DirectoryHandle.Open(root);
        FileDescriptor file;
        try
        {
            file = inside.OpenInside(path, OpenFlags.Read | OpenFlags.NonBlocking, PathBorder.ActAsRoot);
        }
        catch (ErrnoException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.ENXIO)
        {
            return "";
        }
        using (file)
        {
            return RegularFile.TryRead(file, path, mostBytes, out byte[] content) switch
            {
                RegularFileResult.TooLarge => throw new IOException($"/{path} of the image has more than the {mostBytes} bytes that are read"),
                _ => System.Text.Encoding.UTF8.GetString(content),
            };
        }
    }
}
