using System.Collections.Immutable;
using System.Globalization;

namespace NativeKubelet.Linux.Processes;

/// <summary>What went over a network interface, as /proc/PID/net/dev counts it in that process's network namespace (proc(5)).</summary>
public sealed record InterfaceCounters(
    string Name, long RxBytes, long RxPackets, long RxErrors, long RxDropped, long TxBytes, long TxPackets, long TxErrors, long TxDropped)
{
    private const int Columns = 16;

    /// <returns>Without loopback; empty when the process is gone.</returns>
    public static ImmutableArray<InterfaceCounters> OfProcess(int pid) => Parse(TextOf($"/proc/{pid}/net/dev"));

    /// <returns>Those of this process's own network namespace, and the one of its default route ("" where there is none).</returns>
    public static (ImmutableArray<InterfaceCounters> All, string Main) Own() => (Parse(TextOf("/proc/self/net/dev")), DefaultOf(TextOf("/proc/self/net/route")));

    internal static ImmutableArray<InterfaceCounters> Parse(string text)
    {
        ImmutableArray<InterfaceCounters>.Builder all = ImmutableArray.CreateBuilder<InterfaceCounters>();
        foreach (string line in text.Split('\n'))
        {
            int colon = line.IndexOf(':');
            if (colon < 0) continue;
            string name = line[..colon].Trim();
            string[] words = line[(colon + 1)..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < Columns || name == "lo") continue;
            all.Add(new(name, At(0), At(1), At(2), At(3), At(8), At(9), At(10), At(11)));

            // A counter of 64 bits without a sign; beyond the signed range it is nobody's.
            long At(int column) => long.TryParse(words[column], NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : 0;
        }
        return all.ToImmutable();
    }

    internal static string DefaultOf(string routes)
    {
        foreach (string line in routes.Split('\n'))
            if (line.Split('\t') is [var name, "00000000", _, _, _, _, _, "00000000", ..]) return name.Trim();
        return "";
    }

    private static string TextOf(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";      // it has ended
        }
    }
}
