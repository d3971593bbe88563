using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeKubelet.Linux.Processes;

/// <summary>A mapping of /proc/PID/smaps (proc(5)), as far as it matters here.</summary>
/// <param name="Permissions">"r-xp".</param>
/// <param name="AnonymousKb">Pages that are no longer the file's: written to, if only by the loader.</param>
public readonly record struct MappedRange(nuint Start, nuint End, string Permissions, string File, long ResidentKb, long AnonymousKb)
{
    /// <summary>The kernel can read it again from the file at any time, so letting go of it loses nothing.</summary>
    public bool IsFileAlone => File.StartsWith('/') && Permissions.Length == 4 && Permissions[1] == '-' && Permissions[3] == 'p' && AnonymousKb == 0;

    /// <summary>Lines that are none are passed over.</summary>
    public static IEnumerable<MappedRange> Parse(IEnumerable<string> smaps)
    {
        MappedRange? open = null;
        foreach (string line in smaps)
        {
            if (Head(line) is { } next)
            {
                if (open is { } whole) yield return whole;
                open = next;
            }
            else if (open is { } range && line.StartsWith("Rss:", StringComparison.Ordinal)) open = range with { ResidentKb = Kilobytes(line) };
            else if (open is { } same && line.StartsWith("Anonymous:", StringComparison.Ordinal)) open = same with { AnonymousKb = Kilobytes(line) };
        }
        if (open is { } last) yield return last;
    }

    private static MappedRange? Head(string line)
    {
        string[] words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 5 || words[0].Split('-') is not [var from, var to]) return null;
        // Until its line has come, all of it counts as written to.
        return nuint.TryParse(from, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out nuint start)
            && nuint.TryParse(to, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out nuint end) && end > start
            ? new(start, end, words[1], words.Length == 6 ? words[5].Trim() : "", 0, long.MaxValue) : null;
    }

    private static long Kilobytes(string line) =>
        line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var number, ..] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value : long.MaxValue;
}

/// <summary>What of this process's memory the kernel could have back.</summary>
public static unsafe partial class OwnPages
{
    private const int DontNeed = 4;

    /// <summary>
    /// Lets go of program text and constants that were needed once. They stay in the page cache for as long as the kernel
    /// has no better use for it, so what is needed again costs a minor fault; MADV_PAGEOUT would put it out of the cache, and
    /// the next pod's start would wait for the disk.
    /// </summary>
    /// <returns>Kilobytes that were resident in what was let go.</returns>
    public static long ReleaseFilePages()
    {
        long released = 0;
        try
        {
            // Read whole: the mappings of a file that is read line by line change under the reader.
            foreach (MappedRange range in MappedRange.Parse(File.ReadAllLines("/proc/self/smaps")).Where(r => r.IsFileAlone && r.ResidentKb > 0))
                if (Advise(range.Start, range.End - range.Start, DontNeed) == 0) released += range.ResidentKb;
        }
        catch (IOException)
        {
            // No smaps in this kernel: memory stays as it is.
        }
        return released;
    }

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(nuint start, nuint length, int advice);
}
