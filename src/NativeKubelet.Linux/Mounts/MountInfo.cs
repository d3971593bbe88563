using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace NativeKubelet.Linux.Mounts;

/// <summary>One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).</summary>
/// <param name="Root">The directory of the file system that is shown here; "/" but for bind mounts and namespaces.</param>
/// <param name="SuperOptions">Of the file system; a version 1 cgroup mount names its controllers here.</param>
public sealed record MountInfo(int Id, int Parent, string Root, string MountPoint, string FileSystem, string Source, string SuperOptions)
{
    /// <summary>What is mounted here is mounted in its peers too, and the reverse (mount_namespaces(7)).</summary>
    public bool Shared { get; init; }

    /// <summary>What is mounted in its master is mounted here too.</summary>
    public bool Slave { get; init; }

    /// <summary>The mounts that this process sees.</summary>
    public static ImmutableArray<MountInfo> ReadOwn() => Parse(File.ReadAllText("/proc/self/mountinfo"));

    /// <summary>The mount that a path without links lies on; null: none is above it.</summary>
    public static MountInfo? Holding(ImmutableArray<MountInfo> mounts, string path)
    {
        MountInfo? nearest = null;
        // Of two on one point the later one is on top.
        foreach (MountInfo mount in mounts)
            if (IsAbove(mount.MountPoint, path) && !(mount.MountPoint.Length < nearest?.MountPoint.Length)) nearest = mount;
        return nearest;
    }

    private static bool IsAbove(string mountPoint, string path) =>
        mountPoint == "/" || path == mountPoint || (path.StartsWith(mountPoint, StringComparison.Ordinal) && path[mountPoint.Length] == '/');

    /// <summary>Lines that are none are left out. The order is the kernel's: of two mounts on one point the later one hides the earlier.</summary>
    public static ImmutableArray<MountInfo> Parse(string text)
    {
        ImmutableArray<MountInfo>.Builder result = ImmutableArray.CreateBuilder<MountInfo>();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] fields = line.Split(' ');
            // Optional fields end with a lone dash; three fields follow it.
            int dash = fields.Length < 7 ? -1 : Array.IndexOf(fields, "-", 6);
            if (dash < 0 || fields.Length < dash + 4 || !Number(fields[0], out int id) || !Number(fields[1], out int parent)) continue;
            ReadOnlySpan<string> optional = fields.AsSpan(6, dash - 6);
            result.Add(new(id, parent, Unescape(fields[3]), Unescape(fields[4]), fields[dash + 1], Unescape(fields[dash + 2]), fields[dash + 3])
            {
                Shared = Any(optional, "shared:"),
                Slave = Any(optional, "master:"),
            });
        }
        return result.ToImmutable();
    }

    private static bool Any(ReadOnlySpan<string> fields, string start)
    {
        foreach (string field in fields)
            if (field.StartsWith(start, StringComparison.Ordinal)) return true;
        return false;
    }

    private static bool Number(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    /// <summary>The kernel writes blank, tab, newline and backslash as three octal digits.</summary>
    private static string Unescape(string text)
    {
        if (!text.Contains('\\')) return text;
        StringBuilder result = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            bool escaped = text[i] == '\\' && i + 3 < text.Length
                && text[i + 1] is >= '0' and <= '3' && text[i + 2] is >= '0' and <= '7' && text[i + 3] is >= '0' and <= '7';
            if (!escaped) { result.Append(text[i]); continue; }
            result.Append((char)((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
            i += 3;
        }
        return result.ToString();
    }
}
