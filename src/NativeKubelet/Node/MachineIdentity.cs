using System.Globalization;

namespace NativeKubelet.Node;

/// <summary>By what names this machine and its system are known; empty where nobody named them.</summary>
/// <param name="Boot">When it was started, by its own clock.</param>
internal sealed record MachineIdentity(string MachineId, string SystemUuid, string OsImage, DateTimeOffset Boot)
{
    public static MachineIdentity Read() => new(
        FirstText("/etc/machine-id", "/var/lib/dbus/machine-id"),
        FirstText("/sys/class/dmi/id/product_uuid", "/proc/device-tree/vm,uuid", "/etc/machine-id", "/var/lib/dbus/machine-id"),
        SystemName(), Started());

    private static string SystemName()
    {
        foreach (string file in (string[])["/etc/os-release", "/usr/lib/os-release"])
            if (File.Exists(file) && File.ReadLines(file).FirstOrDefault(l => l.StartsWith("PRETTY_NAME=", StringComparison.Ordinal)) is { } line)
                return line["PRETTY_NAME=".Length..].Trim('"', '\'', ' ');
        return "Linux";
    }

    /// <summary>The line btime of /proc/stat (proc(5)).</summary>
    private static DateTimeOffset Started() =>
        File.ReadLines("/proc/stat").FirstOrDefault(l => l.StartsWith("btime ", StringComparison.Ordinal)) is { } line
        && long.TryParse(line["btime ".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) ? DateTimeOffset.FromUnixTimeSeconds(seconds) : default;

    private static string FirstText(params ReadOnlySpan<string> files)
    {
        foreach (string file in files)
            try
            {
                if (File.Exists(file) && File.ReadAllText(file).Trim('\n', ' ', '\0') is { Length: > 0 } text) return text;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The next one may be readable.
            }
        return "";
    }
}
