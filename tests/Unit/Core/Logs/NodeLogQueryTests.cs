using NativeKubelet.Core.Logs;
using NativeKubelet.Core.Server;

namespace NativeKubelet.Tests.Unit.Core.Logs;

public sealed class NodeLogQueryTests
{
    [Fact]
    public void Services_with_all_options_are_arguments_of_which_none_can_be_taken_for_another()
    {
        NodeLogQuery query = Parse("query=kubelet&query=getty@tty1.service&sinceTime=2026-01-02T03:04:05%2B01:00&untilTime=2026-01-02T03:04:05Z&tailLines=9&boot=-1&pattern=-x; rm")!;

        Assert.Equal(
            [
                "--utc", "--no-pager", "--since=2026-01-02 02:04:05 UTC", "--until=2026-01-02 03:04:05 UTC", "--pager-end", "--lines=9",
                "--unit=kubelet", "--unit=getty@tty1.service", "--grep=-x; rm", "--boot=-1", "--output=short-precise",
            ],
            query.JournalArguments());
    }

    [Fact]
    public void A_slash_of_either_kind_means_a_file()
    {
        Assert.Equal("pods/x.log", Parse("query=/pods/x.log")!.File);
        Assert.Equal("pods/x.log", Parse("query=pods\\x.log")!.File);
        Assert.Null(Parse("query=x.log")!.File);
    }

    [Fact]
    public void Who_asks_for_nothing_gets_what_his_path_names() => Assert.Null(Parse("", "syslog"));

    [Theory]
    [InlineData("query=", 400, "query: Invalid value: \"\": query cannot be empty\n")]
    [InlineData("query=%20%20", 400, "query: Invalid value: \"\": query cannot be empty\n")]
    [InlineData("query=a&sinceTime=yesterday", 400, "sinceTime: Invalid value: \"yesterday\": invalid time format\n")]
    [InlineData("query=a&tailLines=x&boot=y", 400, "[tailLines: Invalid value: \"x\": invalid syntax, boot: Invalid value: \"y\": invalid syntax]\n")]
    [InlineData("tailLines=1", 406, "query: Required value: cannot be empty with options\n")]
    [InlineData("query=a$(id)", 406, "query: Invalid value: \"a$(id)\": input contains unsupported characters\n")]
    [InlineData("query=a b", 406, "query: Invalid value: \"a b\": input contains unsupported characters\n")]
    [InlineData("query=a&query=b&query=c&query=d&query=e", 406, "query: Too many: 5: must have at most 4 items\n")]
    [InlineData("query=a&query=/b", 406, "query: Invalid value: \"[/b], [a]\": cannot specify a file and service\n")]
    [InlineData("query=/a&query=/b", 406, "query: Invalid value: \"/a /b\": cannot specify more than one file\n")]
    [InlineData("query=/a&tailLines=1", 406, "query: Invalid value: \"/a\": cannot specify file with options\n")]
    [InlineData("query=a&boot=1", 406, "boot: Invalid value: 1: must be less than 1\n")]
    [InlineData("query=a&tailLines=100001", 406, "tailLines: Invalid value: 100001: must be between 0 and 100000, inclusive\n")]
    [InlineData("query=a&sinceTime=2026-01-02T00:00:00Z&untilTime=2026-01-01T00:00:00Z", 406, "untilTime: Invalid value: must be after `sinceTime`\n")]
    [InlineData("query=a&pattern=%00", 406, "pattern: Invalid value: it contains a NUL\n")]
    public void What_may_not_be_asked_is_refused_in_words(string query, int status, string words)
    {
        RefusedException refused = Assert.Throws<RefusedException>(() => Parse(query));

        Assert.Equal((status, words), (refused.Status, refused.Message));
    }

    [Fact]
    public void A_name_that_is_too_long_for_a_service_is_refused() => Assert.Equal(406, Assert.Throws<RefusedException>(() => Parse("query=" + new string('a', 257))).Status);

    [Fact]
    public void A_path_beside_a_query_is_refused() => Assert.Equal(406, Assert.Throws<RefusedException>(() => Parse("query=a", "syslog")).Status);

    private static NodeLogQuery? Parse(string query, string path = "")
    {
        ILookup<string, string> values = query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=', 2)).ToLookup(p => p[0], p => Uri.UnescapeDataString(p[1]));
        return NodeLogQuery.Parse(name => [.. values[name]], path);
    }
}
