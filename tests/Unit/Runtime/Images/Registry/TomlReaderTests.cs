using NativeKubelet.Runtime.Images.Registry;

namespace NativeKubelet.Tests.Unit.Runtime.Images.Registry;

public sealed class TomlReaderTests
{
    [Fact]
    public void Tables_keys_and_values_are_read_in_their_order()
    {
        TomlTable root = TomlReader.Read("""
            # a comment
            name = "a\tb\u00e4" # another
            literal = 'C:\x'
            yes = true
            count = -12
            list = [ "a", # in between
              'b', ]
            inline = { x = 1, "y z" = [] }
            dotted.key."with space" = "v"

            [ table . "https://host:5000" ]
            k = "1"
            [table.second]
            """);

        Assert.Equal(["name", "literal", "yes", "count", "list", "inline", "dotted", "table"], root.Entries.Select(e => e.Key));
        Assert.Equal("a\tbä", ((TomlText)root.Find("name")!).Text);
        Assert.Equal("C:\\x", ((TomlText)root.Find("literal")!).Text);
        Assert.True(((TomlBoolean)root.Find("yes")!).Value);
        Assert.Equal(-12, ((TomlNumber)root.Find("count")!).Value);
        Assert.Equal(["a", "b"], ((TomlArray)root.Find("list")!).Items.Cast<TomlText>().Select(t => t.Text));
        Assert.Equal(["x", "y z"], ((TomlTable)root.Find("inline")!).Entries.Select(e => e.Key));
        Assert.Equal(["https://host:5000", "second"], ((TomlTable)root.Find("table")!).Entries.Select(e => e.Key));
        Assert.Equal(11, ((TomlTable)root.Find("table")!).Find("https://host:5000")!.Line);
    }

    [Theory]
    [InlineData("a = 1\na = 2", 2, "a is set twice")]
    [InlineData("[t]\n[t]", 2, "written twice")]
    [InlineData("a = 1\n[a]", 2, "no table")]
    [InlineData("a = {}\na.b = 1", 2, "closed by the braces")]
    [InlineData("[[a]]", 1, "arrays of tables")]
    [InlineData("a = \"\"\"x\"\"\"", 1, "several lines")]
    [InlineData("a = \"x", 1, "no closing quote")]
    [InlineData("a = \"x\ny\"", 1, "no closing quote")]
    [InlineData("a = [1", 1, "no end")]
    [InlineData("a = [1 2]", 1, "expected , or ]")]
    [InlineData("a", 1, "expected =")]
    [InlineData("a =", 1, "expected a value, got the end of the file")]
    [InlineData("a = b", 1, "'b' is no value")]
    [InlineData("a = 1.5", 1, "'1.5' is no value")]
    [InlineData("a = 1979-05-27T07:32:00Z", 1, "is no value")]
    [InlineData("a = \"\\q\"", 1, "no escape")]
    [InlineData("a = \"\\ud800\"", 1, "4 digits")]
    [InlineData("a = 1 b = 2", 1, "after the end of the entry")]
    [InlineData("\n\n= 1", 3, "expected a key")]
    [InlineData("a = \"\u0001\"", 1, "control character")]
    public void What_is_wrong_is_told_with_its_line(string text, int line, string reason)
    {
        TomlException wrong = Assert.Throws<TomlException>(() => TomlReader.Read(text));

        Assert.Equal(line, wrong.Line);
        Assert.Contains(reason, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_depth_and_length_end_in_an_error()
    {
        Assert.Throws<TomlException>(() => TomlReader.Read("a = " + new string('[', 100_000)));
        Assert.Throws<TomlException>(() => TomlReader.Read("a = " + string.Concat(Enumerable.Repeat("{a=", 100_000))));
        Assert.Throws<TomlException>(() => TomlReader.Read(string.Concat(Enumerable.Repeat("a.", 100_000)) + "a = 1"));
        Assert.Throws<TomlException>(() => TomlReader.Read("a = [" + string.Concat(Enumerable.Repeat("1,", 100_000)) + "]"));
    }

    [Fact]
    public void Any_prefix_of_a_file_is_read_or_refused()
    {
        const string text = "server = \"https://a\"\n[host.\"http://b:5000\"]\n  capabilities = ['pull', \"re\\u0073olve\"]\n  header = { x = [\"y\"] }\n# end";
        for (int length = 0; length <= text.Length; length++)
            try
            {
                TomlReader.Read(text.AsSpan(0, length));
            }
            catch (TomlException)
            {
                // Refused by name; anything else fails the test.
            }
    }
}
