using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Files;

/// <summary>Whole files that are either the old or the new content, also after a power cut, and untouched while nothing changes.</summary>
public static class AtomicFile
{
    /// <summary>Ends the names of files that are being written; they begin with a dot.</summary>
    public const string TemporarySuffix = ".nk-tmp";

    private const int CompareChunk = 8 * 1024;

    /// <summary>Writes when content or permissions differ: temporary file beside it, fsync, rename, fsync of the directory.</summary>
    /// <param name="mode">Exact, whatever the umask.</param>
    /// <param name="durable">False leaves out both syncs: on tmpfs, or where losing the file in a power cut does no harm.</param>
    /// <returns>False when the file was right already and nothing was written.</returns>
    /// <exception cref="ErrnoException">ENOENT: no such directory. ENOSPC, EROFS: the old file is untouched.</exception>
    public static bool Write(string path, ReadOnlySpan<byte> content, uint mode = 0x180, bool durable = true)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/");
        return Write(directory, Path.GetFileName(path), content, mode, durable);
    }

    /// <inheritdoc cref="Write(string, ReadOnlySpan{byte}, uint, bool)"/>
    public static bool Write(DirectoryHandle directory, string name, ReadOnlySpan<byte> content, uint mode = 0x180, bool durable = true)
    {
        if (Same(directory, name, content, mode)) return false;
        string temporary = $".{name}.{Guid.NewGuid():N}{TemporarySuffix}";
        try
        {
            using (FileDescriptor file = directory.OpenFile(temporary, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, mode))
            {
                DirectoryHandle.SetMode(file, mode, name);
                OpenedFile.Write(file, content, name);
                if (durable) OpenedFile.Sync(file, name);
            }
            directory.Rename(temporary, directory, name);
        }
        catch
        {
            directory.Unlink(temporary);
            throw;
        }
        if (durable) directory.Sync();
        return true;
    }

    /// <summary>Removes a file; that it is gone, or its directory with it, is what was wanted.</summary>
    public static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // Others remove directories too: kubeadm reset does.
        }
    }

    /// <summary>Removes what writers left that were killed; only where no writer can be at work.</summary>
    public static void RemoveLeftovers(string directory)
    {
        using DirectoryHandle handle = DirectoryHandle.Open(directory);
        foreach (KernelPath name in handle.List())
            if (name.Bytes.StartsWith("."u8) && name.ToString().EndsWith(TemporarySuffix, StringComparison.Ordinal)) handle.Unlink(name);
    }

    /// <summary>Moves a file that cannot be read aside, beside its place, where people find it; an older one of the kind is replaced.</summary>
    /// <returns>Its new path.</returns>
    public static string SetAside(string path)
    {
        string aside = path + ".corrupt";
        DirectoryHandle.DeleteTree(aside);
        using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/");
        directory.Rename(Path.GetFileName(path), directory, Path.GetFileName(aside));
        return aside;
    }

    private static bool Same(DirectoryHandle directory, string name, ReadOnlySpan<byte> content, uint mode)
    {
        if (directory.TryStatus(name) is not { Kind: FileKind.Regular } status || status.Permissions != mode || status.Size != content.Length) return false;
        using FileDescriptor file = directory.OpenFile(name, OpenFlags.Read);
        Span<byte> chunk = stackalloc byte[CompareChunk];
        while (true)
        {
            int count = OpenedFile.Read(file, chunk, name);
            if (count == 0) return content.IsEmpty;
            if (count > content.Length || !chunk[..count].SequenceEqual(content[..count])) return false;
            content = content[count..];
        }
    }
}
