namespace NativeKubelet.Cli;

/// <summary>Columns for people: as wide as their widest cell, two spaces apart, the last one ragged.</summary>
public sealed class Table(params string[] headers)
{
    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add(cells);

    public void Print(TextWriter to)
    {
        int[] widths = [.. headers.Select((h, i) => Math.Max(h.Length, _rows.Select(r => r[i].Length).DefaultIfEmpty().Max()))];
        foreach (string[] row in _rows.Prepend(headers))
        {
            for (int i = 0; i < row.Length - 1; i++) to.Write(row[i].PadRight(widths[i] + 2));
            to.WriteLine(row[^1]);
        }
    }
}
