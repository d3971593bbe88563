using System.Text;
using System.Text.Json;
using NativeKubelet.Api.Yaml;

namespace NativeKubelet.Tests.Unit.Api.Yaml;

public sealed class YamlDocumentsTests
{
    [Theory]
    [InlineData("yes", "true")]
    [InlineData("Off", "false")]
    [InlineData("~", "null")]
    [InlineData("\"yes\"", "\"yes\"")]
    [InlineData("'1.10'", "\"1.10\"")]
    [InlineData("1.10", "1.1")]
    [InlineData("80", "80")]
    [InlineData("0644", "420")]
    [InlineData("0o644", "420")]
    [InlineData("0x1F", "31")]
    [InlineData("-0b11", "-3")]
    [InlineData("1_000", "1000")]
    [InlineData("089", "89")]
    [InlineData("18446744073709551615", "18446744073709551615")]
    [InlineData("-9223372036854775808", "-9223372036854775808")]
    [InlineData("1e3", "1000")]
    [InlineData("10Mi", "\"10Mi\"")]
    [InlineData("0s", "\"0s\"")]
    [InlineData("2001-01-01", "\"2001-01-01\"")]
    [InlineData("1:30", "\"1:30\"")]
    [InlineData("!!str 5", "\"5\"")]
    [InlineData(".inf", null)]
    [InlineData("!!int x", null)]
    [InlineData("!own 5", null)]
    public void A_word_means_what_it_means_to_Kubernetes(string word, string? json)
    {
        if (json is null)
        {
            Assert.Throws<YamlFormatException>(() => Read($"a: {word}\n"));
            return;
        }

        Assert.Equal($$"""{"a":{{json}}}""", Read($"a: {word}\n").Single());
    }

    [Fact]
    public void A_stream_gives_its_documents_without_the_empty_ones()
    {
        Assert.Equal(["""{"a":1}""", """{"b":2}"""], Read("\uFEFF---\r\na: 1\r\n---\r\n# only a comment\r\n---\r\nb: 2\r\n...\r\n"));
        Assert.Empty(Read(""));
    }

    [Fact]
    public void Json_keeps_its_numbers_and_escapes()
    {
        const string json = """{"a":1.10,"b":"😀\/","c":12345678901234567890123}""";

        Assert.Equal(json, Read(json).Single());
        Assert.Equal(["""{"a":1}""", """{"b":2}"""], Read("""{"a":1} {"b":2}"""));
    }

    [Fact]
    public void Flow_style_yaml_that_only_looks_like_json_is_read() => Assert.Equal("""{"a":[1,"x"]}""", Read("{a: [1, x]}").Single());

    [Fact]
    public void A_field_is_found_at_its_line_and_column()
    {
        YamlDocument document = Documents("metadata:\n  labels:\n    app.kubernetes.io/name: x\nspec:\n  containers:\n  - name: a\n  - name: b\n    image: i\n").Single();

        Assert.Equal(new SourcePosition(3, 5), document.Source.Find("metadata.labels.app.kubernetes.io/name"));
        Assert.Equal(new SourcePosition(8, 5), document.Source.Find("spec.containers[1].image"));
        Assert.Equal(new SourcePosition(7, 5), document.Source.Find("spec.containers[1].absent"));
    }

    [Theory]
    [InlineData("spec:\n  a: 1\n  b: 2\n  a: 3\n", 4)]
    [InlineData("{\"spec\":\n {\"a\":1,\n\"b\":2,\n\"a\":3}}", 4)]
    public void A_key_given_twice_is_told_with_path_and_line_and_the_last_counts(string text, int line)
    {
        YamlDocument document = Documents(text).Single();

        YamlProblem duplicate = Assert.Single(document.Duplicates);
        Assert.Equal(("spec.a", line, "key \"a\" already set in map"), (duplicate.Path, duplicate.Line, duplicate.Message));
        Assert.Equal("""{"spec":{"a":3,"b":2}}""", Encoding.UTF8.GetString(document.Json.Span));
    }

    [Fact]
    public void Anchors_and_merge_keys_are_expanded_and_own_keys_win()
    {
        Assert.Equal("""{"base":{"a":1,"b":2},"own":{"b":3,"a":1},"list":[{"a":1,"b":2}]}""",
            Read("base: &b {a: 1, b: 2}\nown:\n  <<: *b\n  b: 3\nlist: [*b]\n").Single());
    }

    [Fact]
    public void Keys_become_strings() => Assert.Equal("""{"80":1,"true":2,"010":3}""", Read("80: 1\nyes: 2\n\"010\": 3\n").Single());

    [Theory]
    [InlineData("a: b: c\n", 1)]
    [InlineData("a: 1\n\tb: 2\n", 2)]
    [InlineData("a: 1\nb: [1, 2\n", 3)]
    [InlineData("a: *nowhere\n", 1)]
    [InlineData("a: &x [*x]\n", 1)]
    [InlineData("? [a]\n: 1\n", 1)]
    public void Bad_syntax_names_its_line(string text, int line) => Assert.InRange(Assert.Throws<YamlFormatException>(() => Read(text)).Line, line - 1, line);

    [Fact]
    public void Aliases_of_aliases_do_not_blow_up()
    {
        StringBuilder text = new("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 12; i++)
            text.Append($"a{i}: &a{i} [").AppendJoin(", ", Enumerable.Repeat($"*a{i - 1}", 10)).Append("]\n");

        Assert.Contains("expands to too much", Assert.Throws<YamlFormatException>(() => Read(text.ToString())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Depth_and_size_are_capped()
    {
        Assert.Contains("deeper", Assert.Throws<YamlFormatException>(() => Read(new string('[', 5000))).Message, StringComparison.Ordinal);
        Assert.Contains("deeper", Assert.Throws<YamlFormatException>(() => Read("a: " + new string('[', 70) + new string(']', 70))).Message, StringComparison.Ordinal);
        Assert.Throws<YamlFormatException>(() => YamlDocuments.Read(new byte[(10 << 20) + 1]));
    }

    [Fact]
    public void Text_that_is_not_utf8_is_refused_with_its_line() =>
        Assert.Equal(2, Assert.Throws<YamlFormatException>(() => YamlDocuments.Read("a: 1\nb: \xff"u8.ToArray()[..8].Concat([(byte)0xff]).ToArray())).Line);

    [Fact]
    public void Broken_input_of_any_kind_throws_only_its_own_exception()
    {
        byte[] seed = "a: &x {b: [1, 'two', \"\\u00e9\"], <<: *y}\n---\n- ? k\n  : !!str |\n    text\n"u8.ToArray();
        Random random = new(7);
        for (int i = 0; i < 3000; i++)
        {
            byte[] bytes = (byte[])seed.Clone();
            for (int j = random.Next(1, 6); j > 0; j--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                foreach (YamlDocument document in YamlDocuments.Read(bytes)) JsonDocument.Parse(document.Json).Dispose();
            }
            catch (YamlFormatException)
            {
                // the one way to refuse
            }
        }
    }

    private static IReadOnlyList<YamlDocument> Documents(string text) => YamlDocuments.Read(Encoding.UTF8.GetBytes(text));

    private static string[] Read(string text) => [.. Documents(text).Select(d => Encoding.UTF8.GetString(d.Json.Span))];
}
