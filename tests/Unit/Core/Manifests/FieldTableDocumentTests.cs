using System.Runtime.CompilerServices;
using System.Text;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Manifests;

public sealed class FieldTableDocumentTests
{
    private const string Begin = "<!-- fields: begin -->\n", End = "<!-- fields: end -->";

    [Fact]
    public void The_manual_says_of_every_field_what_the_table_says()
    {
        string expected = Table(), table = string.Concat(Rows().Select(row => $"{string.Join(" | ", row[..3])} |\n"));

        Assert.True(table == expected, $"the columns before the last must be:\n{expected}");
    }

    [Fact]
    public void Every_field_names_the_tests_that_show_it()
    {
        HashSet<string> known = [.. Directory.EnumerateFiles(Path.Combine(Path.GetDirectoryName(Manual())!, "../tests"), "*", SearchOption.AllDirectories).Select(f => Path.GetFileName(f))];

        Assert.All(Rows().Skip(2), row => Assert.All(row[3].Split(", "), file => Assert.True(known.Contains(file), $"{row[0]}: there is no test {file}")));
    }

    /// <summary>The cells of the table, its head and its ruler among them.</summary>
    private static IEnumerable<string[]> Rows()
    {
        string text = File.ReadAllText(Manual());
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        foreach (string line in text[begin..text.IndexOf(End, StringComparison.Ordinal)].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] cells = line.Split('|')[1..^1];
            Assert.True(cells.Length == 4, $"four cells are expected in {line}");
            yield return [.. cells.Select(cell => cell.Trim())];
        }
    }

    private static string Table()
    {
        StringBuilder rows = new("field | here |  |\n--- | --- | --- |\n");
        foreach (FieldRule rule in FieldTable.Rows)
        {
            string effect = Words(rule.Effect, rule);
            if (rule.Joined is { } joined) effect += $"; of a cluster: {Words(joined, rule)}";
            rows.Append($"`{rule.Path}` | {effect} | {rule.Note} |\n");
        }
        return rows.ToString();
    }

    private static string Words(FieldEffect effect, FieldRule rule) => effect switch
    {
        FieldEffect.Works when rule.Only.Length == 0 => "works",
        FieldEffect.Works => "only " + string.Join(", ", rule.Only.Where(v => v.Length > 0).DefaultIfEmpty("empty").Select(v => v == "empty" ? v : $"`{v}`")),
        FieldEffect.Ignored => "accepted, no effect",
        _ => "refused",
    };

    private static string Manual([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../../docs/compatibility.md"));
}
