using System.Globalization;

namespace NativeKubelet.Runtime.Machines;

/// <summary>The text forms of /proc and /sys that the machine's facts are in (proc(5), sysfs ABI). Pure; null is "not of that form".</summary>
public static class MachineText
{
    public static long? Number(string text) =>
        long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : null;

    /// <summary>A list as "0-3,8": how many it names.</summary>
    public static int? CpuCount(string list)
    {
        int count = 0;
        foreach (string part in list.Trim().Split(','))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || !Cpu(ends[0], out int first) || !Cpu(ends[^1], out int last) || last < first) return null;
            count += last - first + 1;
        }
        return count;
    }

    /// <summary>The value of one line of /proc/meminfo, in bytes.</summary>
    public static long? Kibibytes(string meminfo, string key) =>
        Field(meminfo, key) is { } value && value.EndsWith(" kB", StringComparison.Ordinal) && Number(value[..^3]) is >= 0 and < 1L << 52 and var kibibytes
            ? kibibytes * 1024 : null;

    /// <summary>A capability set of /proc/PID/status.</summary>
    public static ulong? Mask(string status, string key) =>
        ulong.TryParse(Field(status, key), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong mask) ? mask : null;

    /// <summary>/proc/PID/uid_map maps all numbers to themselves only in the user namespace that the machine began with.</summary>
    public static bool IsFirstUserNamespace(string uidMap) =>
        uidMap.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"];

    /// <summary>/proc/filesystems: "nodev" and a name, or a name.</summary>
    public static bool HasFileSystem(string fileSystems, string name) => fileSystems.Split('\n').Any(line => line.Split('\t')[^1] == name);

    private static string? Field(string text, string key)
    {
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
            if (line.StartsWith(key, StringComparison.Ordinal)) return line[key.Length..].Trim().ToString();
        return null;
    }

    // 2^20 is beyond every kernel's limit; more would be no list of CPUs.
    private static bool Cpu(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < 1 << 20;
}
