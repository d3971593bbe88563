using System.Collections.Immutable;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Stats;

/// <summary>Use of one file system: all of it, or what one container takes.</summary>
/// <param name="Device">/dev/sda1; the directory where the kernel names no device.</param>
internal sealed record FileSystemRow(string Device, long UsedBytes, long LimitBytes, long Inodes, long FreeInodes)
{
    /// <summary>The file systems of these directories, each once.</summary>
    public static ImmutableArray<FileSystemRow> Of(IEnumerable<string> directories, Func<int, int, string> device)
    {
        List<FileSystemRow> found = [];
        foreach (string directory in directories)
            try
            {
                ulong number;
                using (DirectoryHandle handle = DirectoryHandle.Open(directory)) number = handle.Status().Device;
                string name = device((int)(number >> 32), (int)(uint)number);
                if (name.Length == 0) name = directory;
                FileSystemSpace space = FileSystemSpace.Of(directory);
                if (found.All(f => f.Device != name)) found.Add(new(name, space.TotalBytes - space.FreeBytes, space.TotalBytes, space.TotalInodes, space.FreeInodes));
            }
            catch (ErrnoException)
            {
                // What cannot be had is left out.
            }
        return [.. found];
    }
}
