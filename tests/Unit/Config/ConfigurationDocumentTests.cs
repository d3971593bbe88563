using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Config;

namespace NativeKubelet.Tests.Unit.Config;

/// <summary>docs/configuration.md is what the tables in the program say, and the tables are what the program reads.</summary>
public sealed class ConfigurationDocumentTests
{
    private static readonly string[] Fields = [.. typeof(KubeletConfiguration).GetProperties().Select(p => p.GetCustomAttribute<JsonPropertyNameAttribute>()!.Name)];

    [Fact]
    public void Every_field_of_the_configuration_has_one_row() => Assert.Equal(Fields.Order(StringComparer.Ordinal), ConfigFields.All.Select(f => f.Path).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_flag_that_sets_a_field_sets_one_that_there_is() =>
        Assert.All(KubeletFlags.All.Where(f => f.Field is not null), f => Assert.Contains(f.Field!.Split('.')[0], Fields));

    [Fact]
    public void Flags_and_fields_stand_in_the_manual_as_in_the_program()
    {
        string text = File.ReadAllText(Manual());

        Same(text, "flags", Flags());
        Same(text, "fields", FieldRows());
    }

    [Fact]
    public void What_is_set_and_has_no_effect_yet_is_told_and_a_default_that_is_written_out_is_not()
    {
        KubeletOptions options = OptionsResolver.Resolve(FlagParser.Parse(["--pods-per-core=4", "--node-status-max-images=5", "--max-pods=10", "--volume-stats-agg-period=1m", "--housekeeping-interval=5s"]));

        Assert.Equal(
            ["--housekeeping-interval has no effect: usage is sampled every 10 s", "podsPerCore has no effect in this version: maxPods alone counts"],
            options.Warnings.Where(w => w.Contains("no effect", StringComparison.Ordinal)));
    }

    private static void Same(string text, string part, string expected)
    {
        string begin = $"<!-- {part}: begin -->\n";
        int from = text.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        Assert.True(text[from..text.IndexOf($"<!-- {part}: end -->", StringComparison.Ordinal)] == expected, $"put this between the markers of {part}:\n{expected}");
    }

    private static string Flags()
    {
        StringBuilder rows = new("| flag | default | here |\n|---|---|---|\n");
        foreach (FlagSpec flag in KubeletFlags.All.OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            string here = flag switch
            {
                { AliasOf: { } other } => $"as `--{other}`",
                { Field: { } field } => $"sets `{field}`",
                { Status: FlagStatus.Ignored } => "accepted, no effect",
                { NotYet: { } why } => $"{flag.Effect}; no effect yet: {why}",
                _ => flag.Effect,
            };
            rows.Append($"| `{(flag.Shorthand == 0 ? "" : $"-{flag.Shorthand}`, `")}--{flag.Name}` | {(flag.Default.Length > 0 ? $"`{flag.Default}`" : "")} | {here}{(flag.Deprecation is null ? "" : " (warns)")} |\n");
        }
        return rows.ToString();
    }

    private static string FieldRows()
    {
        JsonObject defaults = OptionsResolver.Tree(ConfigDefaults.Apply(new(), "cgroupfs"));
        StringBuilder rows = new("| field | default | here | |\n|---|---|---|---|\n");
        foreach (ConfigField field in ConfigFields.All)
        {
            string here = field.State switch { FieldState.Works => "works", FieldState.NotYet => "no effect yet", FieldState.Joined => "for nodes of a cluster", _ => "accepted, no effect" };
            string value = defaults[field.Path]?.ToJsonString() ?? "";
            rows.Append($"| `{field.Path}` | {(value is "" or "{}" or "\"\"" ? "" : $"`{value.Trim('"')}`")} | {here} | {field.Note} |\n");
        }
        return rows.ToString();
    }

    private static string Manual([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/configuration.md"));
}
