using System.Collections.Immutable;
using System.Globalization;
using NativeKubelet.Core.Server;

namespace NativeKubelet.Core.Logs;

/// <summary>What somebody wants to see of the machine's own logs: services of its journal, or one file (spec 20 §12).</summary>
/// <param name="File">Below the directory of logs; null: services are asked for.</param>
/// <param name="Boot">0: the present one, -1: the one before.</param>
public sealed record NodeLogQuery(
    ImmutableArray<string> Services, string? File, DateTimeOffset? Since, DateTimeOffset? Until, int? TailLines, int? Boot, string Pattern)
{
    private const int MostServices = 4, LongestService = 256, MostLines = 100_000;

    public bool HasOptions => Since is not null || Until is not null || TailLines is not null || Boot is not null || Pattern.Length > 0;

    /// <param name="values">All values of a name in the query.</param>
    /// <param name="path">What the request names beside it.</param>
    /// <returns>Null: nothing is asked for, and the path alone counts.</returns>
    /// <exception cref="RefusedException">400: it cannot be read; 406: it may not be asked.</exception>
    public static NodeLogQuery? Parse(Func<string, IReadOnlyList<string>> values, string path)
    {
        List<string> faults = [];
        IReadOnlyList<string> queries = values("query");
        // A slash is the hint that a file is meant.
        string[] files = [.. queries.Where(q => q.AsSpan().ContainsAny('/', '\\'))];
        NodeLogQuery query = new(
            [.. queries.Where(q => !q.AsSpan().ContainsAny('/', '\\') && q.Trim().Length > 0)], files is [var first, ..] ? first.Replace('\\', '/').TrimStart('/') : null,
            Time("sinceTime"), Time("untilTime"), Number("tailLines"), Number("boot"), First("pattern"));
        if (queries.Count > 0 && files.Length == 0 && query.Services.IsEmpty) faults.Add("query: Invalid value: \"\": query cannot be empty");
        Refuse(400, faults);
        if (queries.Count == 0 && !query.HasOptions) return null;
        if (path.Length > 0) throw new RefusedException(406, "path not allowed in query mode\n");
        query.Check(files, faults);
        Refuse(406, faults);
        return query;

        string First(string name) => values(name) is [var value, ..] ? value : "";

        DateTimeOffset? Time(string name)
        {
            string text = First(name);
            if (text.Length == 0) return null;
            if (text.Length is >= 20 and <= 40 && text[10] == 'T' && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)) return time;
            faults.Add($"{name}: Invalid value: \"{text}\": invalid time format");
            return null;
        }

        int? Number(string name)
        {
            string text = First(name);
            if (text.Length == 0) return null;
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)) return number;
            faults.Add($"{name}: Invalid value: \"{text}\": invalid syntax");
            return null;
        }
    }

    /// <summary>For journalctl, each an argument of its own: no shell reads them, and none can be taken for another.</summary>
    public ImmutableArray<string> JournalArguments() =>
    [
        "--utc", "--no-pager",
        .. Since is { } since ? [$"--since={Stamp(since)}"] : (string[])[],
        .. Until is { } until ? [$"--until={Stamp(until)}"] : (string[])[],
        .. TailLines is { } lines ? ["--pager-end", string.Create(CultureInfo.InvariantCulture, $"--lines={lines}")] : (string[])[],
        .. Services.Select(s => "--unit=" + s),
        .. Pattern.Length > 0 ? ["--grep=" + Pattern] : (string[])[],
        .. Boot is { } boot ? [string.Create(CultureInfo.InvariantCulture, $"--boot={boot}")] : (string[])[],
        "--output=short-precise",
    ];

    /// <summary>With its zone, as journalctl takes a time without one for the machine's own.</summary>
    private static string Stamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    private void Check(string[] files, List<string> faults)
    {
        foreach (string service in Services)
            if (service.Length > LongestService) faults.Add($"query: Invalid value: \"{service}\": length must be less than {LongestService}");
            else if (!service.All(IsSafe)) faults.Add($"query: Invalid value: \"{service}\": input contains unsupported characters");
        if (Services.Length > MostServices) faults.Add($"query: Too many: {Services.Length}: must have at most {MostServices} items");
        if (files.Length == 0 && Services.IsEmpty) faults.Add("query: Required value: cannot be empty with options");
        else if (files.Length > 0 && !Services.IsEmpty) faults.Add($"query: Invalid value: \"[{string.Join(' ', files)}], [{string.Join(' ', Services)}]\": cannot specify a file and service");
        else if (files.Length > 1) faults.Add($"query: Invalid value: \"{string.Join(' ', files)}\": cannot specify more than one file");
        else if (files.Length == 1 && HasOptions) faults.Add($"query: Invalid value: \"{files[0]}\": cannot specify file with options");
        if (Since > Until) faults.Add("untilTime: Invalid value: must be after `sinceTime`");
        if (Boot > 0) faults.Add($"boot: Invalid value: {Boot}: must be less than 1");
        if (TailLines is < 0 or > MostLines) faults.Add($"tailLines: Invalid value: {TailLines}: must be between 0 and {MostLines}, inclusive");
        if (Pattern.Contains('\0')) faults.Add("pattern: Invalid value: it contains a NUL");
    }

    /// <summary>What can mean nothing but itself to whoever reads it.</summary>
    private static bool IsSafe(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':' or '@';

    private static void Refuse(int status, List<string> faults)
    {
        if (faults.Count > 0) throw new RefusedException(status, (faults.Count == 1 ? faults[0] : $"[{string.Join(", ", faults)}]") + "\n");
    }
}
