namespace NativeKubelet.Cli;

/// <summary>Columns for people: as wide as their widest cell, two spaces apart, the last one ragged. Cells are cleaned of what could command a terminal.</summary>
public sealed class Table(params string[] headers)
{
    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add([.. cells.Select(CliConsole.Clean)]);

    public void Print(TextWriter to, bool withHeaders = true)
    {
        int[] widths = [.. headers.Select((h, i) => Math.Max(h.Length, _rows.Select(r => r[i].Length).DefaultIfEmpty().Max()))];
        foreach (string[] row in withHeaders ? _rows.Prepend(headers) : _rows)
        {
            for (int i = 0; i < row.Length - 1; i++) to.Write(row[i].PadRight(widths[i] + 2));
            to.WriteLine(row[^1]);
        }
    }
}
