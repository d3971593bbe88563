using System.Collections.Immutable;
using System.Globalization;

namespace NativeKubelet.Linux.Processes;

/// <summary>One line of /proc/PID/cgroup (cgroups(7)).</summary>
/// <param name="Controllers">"memory", "cpu,cpuacct", "name=systemd"; empty for version 2.</param>
/// <param name="Path">As seen from the root of that hierarchy, starts with "/".</param>
public readonly record struct CgroupMembership(int Hierarchy, string Controllers, string Path);

/// <summary>Facts about processes from proc(5). Everything read here may be outdated when it is used.</summary>
public static class ProcFs
{
    /// <summary>Start in clock ticks since boot: together with the pid it names one process for as long as the machine runs.</summary>
    /// <returns>Null when there is no such process.</returns>
    public static long? StartTime(int pid) => Read(pid, "stat") is { } text ? ParseStartTime(text) : null;

    /// <returns>The command name, at most 15 bytes; null when there is no such process.</returns>
    public static string? Comm(int pid) => Read(pid, "comm")?.TrimEnd('\n');

    /// <returns>One entry per hierarchy; empty when there is no such process.</returns>
    public static ImmutableArray<CgroupMembership> Cgroups(int pid) => Read(pid, "cgroup") is { } text ? ParseCgroups(text) : [];

    /// <returns>How many files it may open before it asks for more; below zero: any number. Null when there is no such process.</returns>
    public static long? OpenFilesLimit(int pid) => Read(pid, "limits") is { } text ? ParseOpenFilesLimit(text) : null;

    /// <summary>The soft limit, of the line "Max open files".</summary>
    public static long? ParseOpenFilesLimit(string limits)
    {
        const string name = "Max open files";
        int at = limits.IndexOf(name, StringComparison.Ordinal);
        if (at < 0 || limits[(at + name.Length)..].Split([' ', '\n'], 2, StringSplitOptions.RemoveEmptyEntries) is not [var soft, ..]) return null;
        return soft == "unlimited" ? -1 : long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out long limit) ? limit : null;
    }

    /// <summary>Field 22 of /proc/PID/stat. The name in field 2 may hold blanks and parentheses, so it is skipped from behind.</summary>
    public static long? ParseStartTime(string stat)
    {
        int nameEnd = stat.LastIndexOf(')');
        if (nameEnd < 0) return null;
        string[] fields = stat[(nameEnd + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        const int index = 22 - 3;       // the first field after the name is field 3
        return fields.Length > index && long.TryParse(fields[index], NumberStyles.None, CultureInfo.InvariantCulture, out long ticks)
            ? ticks : null;
    }

    /// <summary>Lines that are none are left out; a path may itself contain colons.</summary>
    public static ImmutableArray<CgroupMembership> ParseCgroups(string text)
    {
        ImmutableArray<CgroupMembership>.Builder result = ImmutableArray.CreateBuilder<CgroupMembership>();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split(':', 3);
            if (parts.Length == 3 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int hierarchy))
                result.Add(new CgroupMembership(hierarchy, parts[1], parts[2]));
        }
        return result.ToImmutable();
    }

    private static string? Read(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{file}");
        }
        catch (IOException)
        {
            return null;        // no such directory, or ESRCH while reading: the process is gone
        }
    }
}
