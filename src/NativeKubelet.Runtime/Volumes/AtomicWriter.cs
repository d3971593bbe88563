using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using NativeKubelet.Core.Volumes;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>
/// Replaces all files of a volume in one step (spec 41 §3): real files lie in a directory named by time, ..data points to it,
/// and every name that people see points through ..data. A reader sees the old set or the new one, never a mixture.
/// </summary>
internal static class AtomicWriter
{
    private const string Data = "..data", NewData = "..data_tmp";
    private const uint DirectoryMode = 0x1ED; // 0755
    private const uint KeepGroup = uint.MaxValue;

    /// <summary>Whether it was ever written to.</summary>
    public static bool Holds(DirectoryHandle volume) => volume.TryStatus(Data) is { Kind: FileKind.SymbolicLink };

    /// <summary>Writes if something differs; modes alone are no difference.</summary>
    /// <param name="beforeSwitch">Gives the new files their owners while nobody sees them.</param>
    /// <returns>False when the files are as they should be already.</returns>
    /// <exception cref="IOException">ENOSPC, EROFS …; the old files are in place and complete.</exception>
    public static bool Write(DirectoryHandle volume, ImmutableSortedDictionary<string, VolumeFile> files, DateTimeOffset now, Action beforeSwitch)
    {
        string? current = Current(volume);
        if (current is not null && Same(volume, current, files))
        {
            Link(volume, files);
            return false;
        }
        foreach (KernelPath leftover in volume.List())
            // What a killed agent had begun and nobody sees.
            if (IsOwn(leftover) && leftover != Data && leftover != (current ?? "")) volume.RemoveTree(leftover);

        string fresh = string.Create(CultureInfo.InvariantCulture, $"..{now.UtcDateTime:yyyy_MM_dd_HH_mm_ss}.{RandomNumberGenerator.GetInt32(int.MaxValue)}");
        try
        {
            volume.MakeDirectory(fresh, DirectoryMode);
            volume.SetMode(fresh, DirectoryMode);
            using (DirectoryHandle directory = volume.OpenDirectory(fresh))
                foreach ((string path, VolumeFile file) in files) WriteFile(directory, path, file);
            beforeSwitch();
            volume.MakeSymbolicLink(fresh, NewData);
            volume.Rename(NewData, volume, Data);
        }
        catch
        {
            volume.Unlink(NewData);
            volume.RemoveTree(fresh);
            throw;
        }
        Link(volume, files);
        RemoveStale(volume, files);
        if (current is not null) volume.RemoveTree(current);
        return true;
    }

    private static void WriteFile(DirectoryHandle root, string path, VolumeFile file)
    {
        string[] parts = path.Split('/');
        DirectoryHandle at = root;
        try
        {
            foreach (string part in parts[..^1])
            {
                at.TryMakeDirectory(part, 0x1FF);
                DirectoryHandle next = at.OpenDirectory(part);
                if (at != root) at.Dispose();
                at = next;
            }
            using FileDescriptor written = at.OpenFile(parts[^1], OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, file.Mode);
            OpenedFile.Write(written, file.Data.Span, path);
            // The umask took bits away that the pod asked for.
            DirectoryHandle.SetMode(written, file.Mode, path);
            if (file.Owner is { } owner) at.SetOwner(parts[^1], owner, KeepGroup);
        }
        finally
        {
            if (at != root) at.Dispose();
        }
    }

    /// <summary>The directory that ..data names; null when there is none that could be used.</summary>
    private static string? Current(DirectoryHandle volume)
    {
        if (!Holds(volume)) return null;
        string target = volume.ReadLink(Data).ToString();
        return !target.Contains('/', StringComparison.Ordinal) && IsOwn(target) && volume.TryStatus(target) is { Kind: FileKind.Directory } ? target : null;
    }

    private static bool Same(DirectoryHandle volume, string current, ImmutableSortedDictionary<string, VolumeFile> files)
    {
        using DirectoryHandle directory = volume.OpenDirectory(current);
        foreach ((string path, VolumeFile file) in files)
            if (!SameFile(directory, path, file.Data.Span)) return false;
        HashSet<string> names = [.. files.Keys.Select(Top)];
        return directory.List().All(n => names.Contains(n.ToString())) && Count(directory, 0) == files.Count;
    }

    private static bool SameFile(DirectoryHandle directory, string path, ReadOnlySpan<byte> data)
    {
        try
        {
            using FileDescriptor file = directory.OpenInside(path, OpenFlags.Read | OpenFlags.NoFollow | OpenFlags.NonBlocking, PathBorder.Refuse);
            if (DirectoryHandle.StatusOf(file, path) is not { Kind: FileKind.Regular } status || status.Size != data.Length) return false;
            byte[] content = new byte[data.Length];
            int length = 0;
            while (length < content.Length && OpenedFile.Read(file, content.AsSpan(length), path) is > 0 and var count) length += count;
            return length == content.Length && data.SequenceEqual(content);
        }
        catch (ErrnoException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.EXDEV)
        {
            return false;
        }
    }

    private static int Count(DirectoryHandle directory, int depth)
    {
        int files = 0;
        foreach (KernelPath name in directory.List())
        {
            if (directory.TryStatus(name) is not { Kind: FileKind.Directory } || depth >= DirectoryHandle.MaxDepth)
            {
                files++;
                continue;
            }
            using DirectoryHandle inner = directory.OpenDirectory(name);
            files += Count(inner, depth + 1);
        }
        return files;
    }

    private static void Link(DirectoryHandle volume, ImmutableSortedDictionary<string, VolumeFile> files)
    {
        foreach (string name in files.Keys.Select(Top).Distinct())
        {
            string target = $"{Data}/{name}";
            FileStatus? there = volume.TryStatus(name);
            // A directory here is the place on which another volume is mounted; it stays.
            if (there is { Kind: FileKind.Directory } || (there is { Kind: FileKind.SymbolicLink } && volume.ReadLink(name) == target)) continue;
            volume.Unlink(name);
            volume.MakeSymbolicLink(target, name);
        }
    }

    private static void RemoveStale(DirectoryHandle volume, ImmutableSortedDictionary<string, VolumeFile> files)
    {
        HashSet<string> names = [.. files.Keys.Select(Top)];
        foreach (KernelPath name in volume.List())
            if (!IsOwn(name) && !names.Contains(name.ToString()) && volume.TryStatus(name) is { Kind: FileKind.SymbolicLink }) volume.Unlink(name);
    }

    private static bool IsOwn(KernelPath name) => name.Bytes.StartsWith(".."u8);

    private static string Top(string path) => path.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash ? path[..slash] : path;
}
