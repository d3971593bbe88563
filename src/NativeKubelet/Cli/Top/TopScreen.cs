using System.Text;
using NativeKubelet.Api.Local;
using NativeKubelet.Linux.Terminals;

namespace NativeKubelet.Cli.Top;

/// <summary>
/// The live view as text: a pure function of what was seen and how large the window is. No line is wider than the window, and
/// there are never more lines than it has.
/// </summary>
public static class TopScreen
{
    private const int Figure = 6, LeastName = 16, MostName = 44, MostBar = 20, MostSpark = 24, Gap = 2;

    /// <param name="history">Oldest first, at least one; rounds of samples, so that equal distances are equal times.</param>
    public static IReadOnlyList<string> Render(IReadOnlyList<TopFrame> history, TerminalSize size)
    {
        TopFrame now = history[^1];
        TopRow node = TopRow.OfNode(history);
        (PodDocument Pod, TopRow Total, IReadOnlyList<TopRow> Containers)[] pods = [.. TopRow.OfPods(history)];
        List<TopRow> rows = [];
        foreach ((_, TopRow total, IReadOnlyList<TopRow> containers) in pods)
        {
            rows.Add(total);
            if (containers.Count > 1) rows.AddRange(containers);
        }
        Layout layout = Layout.For(size.Columns, rows.Select(r => r.Indent + r.Name.Length).DefaultIfEmpty().Max());

        List<string> lines =
        [
            $"{now.Node.Name}  {now.Node.Version}  {now.Node.Runtime}  pods {pods.Count(p => p.Pod.Ready == p.Pod.Total)}/{pods.Length} ready"
                + (now.Node.Ready ? "" : $"  NOT READY: {now.Node.NotReady}"),
            HeaderLine("CPU", node.Cpu, node.CpuLimit, Millicores, size.Columns),
            HeaderLine("MEM", node.Memory, node.MemoryLimit, Bytes, size.Columns),
            "",
            layout.Line("POD", "CPU", "", "LIMIT", "", "MEMORY", "", "LIMIT", ""),
        ];
        if (now.Usage.At == default) lines.Add("waiting for the first round of samples");
        int room = Math.Max(0, size.Rows - lines.Count - 1);
        foreach (TopRow row in rows.Count <= room ? rows : rows.Take(Math.Max(0, room - 1)))
            lines.Add(layout.Line(
                new string(' ', row.Indent) + row.Name,
                Show(row.Cpu[^1], Millicores), Bar(row.Cpu[^1], row.CpuLimit, layout.Bar), Show(row.CpuLimit, Millicores), Spark(row.Cpu, row.CpuLimit, layout.Spark),
                Show(row.Memory[^1], Bytes), Bar(row.Memory[^1], row.MemoryLimit, layout.Bar), Show(row.MemoryLimit, Bytes), Spark(row.Memory, row.MemoryLimit, layout.Spark)));
        if (rows.Count > room) lines.Add($"… {rows.Count - Math.Max(0, room - 1)} more lines; make the window higher, or use 'nativekubelet top --once'");
        lines.Add("q leaves");
        return [.. lines.Take(size.Rows).Select(l => Fit(CliConsole.Clean(l), size.Columns).TrimEnd())];
    }

    /// <summary>Blocks of an eighth. Without a limit there is nothing to be full of.</summary>
    internal static string Bar(double? value, double? limit, int width)
    {
        if (width == 0) return "";
        if (value is not { } used || limit is not > 0) return new string(' ', width);
        int eighths = (int)Math.Round(Math.Clamp(used / limit.Value, 0, 1) * width * 8);
        // What is used shows, however little it is.
        if (eighths == 0 && used > 0) eighths = 1;
        string full = new('█', eighths / 8);
        string part = eighths % 8 == 0 ? "" : "▏▎▍▌▋▊▉"[eighths % 8 - 1].ToString();
        return (full + part).PadRight(width, '░');
    }

    /// <summary>The newest samples at the right. Scaled by the limit, or by the highest of those shown where there is none.</summary>
    internal static string Spark(IReadOnlyList<double?> values, double? limit, int width)
    {
        if (width == 0) return "";
        double?[] shown = [.. values.Skip(Math.Max(0, values.Count - width))];
        double top = limit is > 0 ? limit.Value : shown.Max() ?? 0;
        StringBuilder line = new(new string(' ', width - shown.Length));
        foreach (double? value in shown)
            line.Append(value is not { } v ? ' ' : "▁▂▃▄▅▆▇█"[top <= 0 ? 0 : (int)Math.Min(7, Math.Clamp(v / top, 0, 1) * 8)]);
        return line.ToString();
    }

    private static string HeaderLine(string title, IReadOnlyList<double?> values, double? capacity, Func<double, string> unit, int columns)
    {
        int rest = columns - 32;
        int bar = Math.Clamp(rest / 2, 0, 40), spark = Math.Clamp(rest - bar - Gap, 0, 60);
        string share = values[^1] is { } used && capacity is > 0 ? $"{used / capacity.Value * 100:0}%" : "";
        return $"{title}  {Bar(values[^1], capacity, bar)}  {Show(values[^1], unit),Figure} of {Show(capacity, unit),-Figure} {share,4}  {Spark(values, capacity, spark)}";
    }

    private static string Show(double? value, Func<double, string> unit) => value is { } known ? unit(known) : "-";

    private static string Millicores(double value) => Units.Cpu((long)(value * 1e6));

    private static string Bytes(double value) => Units.Bytes((long)value);

    private static string Fit(string line, int columns) => line.Length <= columns ? line : columns < 1 ? "" : line[..(columns - 1)] + "…";

    /// <summary>Which columns there are, by what the window has room for.</summary>
    private sealed record Layout(int Name, int Bar, int Spark)
    {
        public static Layout For(int columns, int longestName)
        {
            int name = Math.Clamp(longestName, LeastName, MostName);
            // Value, limit and their gaps, twice.
            int free = columns - name - 2 * (Gap + Figure + 1 + Figure);
            int each = free / 2;
            if (each < 10) return new(name, 0, 0);
            int bar = Math.Min(MostBar, (each - 2) / 2);
            return new(name, bar, Math.Clamp(each - bar - 2, 0, MostSpark));
        }

        public string Line(string name, string cpu, string cpuBar, string cpuLimit, string cpuSpark, string memory, string memoryBar, string memoryLimit, string memorySpark)
        {
            string shown = name.Length <= Name ? name.PadRight(Name) : name[..(Name - 1)] + "…";
            return shown + Metric(cpu, cpuBar, cpuLimit, cpuSpark) + Metric(memory, memoryBar, memoryLimit, memorySpark);
        }

        private string Metric(string value, string bar, string limit, string spark)
        {
            string text = new string(' ', Gap) + value.PadLeft(Figure) + " ";
            if (Bar > 0) text += bar.PadRight(Bar) + " ";
            text += limit.PadRight(Figure);
            return Spark > 0 ? text + " " + spark.PadRight(Spark) : text;
        }
    }
}
