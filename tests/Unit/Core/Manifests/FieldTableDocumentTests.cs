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
        string text = File.ReadAllText(Manual());
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        string table = text[begin..text.IndexOf(End, StringComparison.Ordinal)];

        string expected = Table();

        Assert.True(table == expected, $"put this between the markers:\n{expected}");
    }

    private static string Table()
    {
        StringBuilder rows = new("| field | here | |\n|---|---|---|\n");
        foreach (FieldRule rule in FieldTable.Rows)
        {
            string effect = Words(rule.Effect, rule);
            if (rule.Joined is { } joined) effect += $"; of a cluster: {Words(joined, rule)}";
            rows.Append($"| `{rule.Path}` | {effect} | {rule.Note} |\n");
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
