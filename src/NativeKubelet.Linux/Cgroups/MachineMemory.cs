using System.Collections.Immutable;
using System.Globalization;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>Facts about the machine's memory that limits depend on.</summary>
public static class MachineMemory
{
    /// <summary>MemTotal in bytes.</summary>
    public static long Total() => ParseTotal(File.ReadAllText("/proc/meminfo"));

    /// <exception cref="FormatException">The text is not that of /proc/meminfo.</exception>
    public static long ParseTotal(string meminfo) => Line(meminfo, "MemTotal");

    /// <summary>Bytes that lie in swap, whoever's they are.</summary>
    public static long SwapUsed() => ParseSwapUsed(File.ReadAllText("/proc/meminfo"));

    /// <inheritdoc cref="ParseTotal"/>
    public static long ParseSwapUsed(string meminfo) => Line(meminfo, "SwapTotal") - Line(meminfo, "SwapFree");

    private static long Line(string meminfo, string name)
    {
        string[] words = meminfo.Split('\n').FirstOrDefault(l => l.StartsWith(name + ":", StringComparison.Ordinal))?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return words.Length >= 2 && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes)
            ? kibibytes * 1024 : throw new FormatException($"/proc/meminfo has no line {name}");
    }

    /// <summary>Sizes in bytes of the huge pages that this kernel can hand out; empty where it has none.</summary>
    public static ImmutableArray<long> HugepageSizes()
    {
        try
        {
            return
            [
                .. from directory in Directory.GetDirectories("/sys/kernel/mm/hugepages", "hugepages-*kB")
                   let digits = Path.GetFileName(directory)["hugepages-".Length..^2]
                   where long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out _)
                   orderby digits.Length, digits
                   select long.Parse(digits, CultureInfo.InvariantCulture) * 1024,
            ];
        }
        catch (IOException)
        {
            return [];
        }
    }
}
