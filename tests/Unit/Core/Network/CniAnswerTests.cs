using System.Text;
using System.Text.Json.Nodes;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Tests.Unit.Core.Network;

public sealed class CniAnswerTests
{
    [Fact]
    public void A_result_without_a_version_is_of_the_one_that_was_asked_in()
    {
        Assert.Equal("0.4.0", (string?)Parse("""{"ips":[]}""")["cniVersion"]);
        Assert.Equal("0.3.1", (string?)Parse("""{"cniVersion":"0.3.1","own":{"kept":1}}""")["cniVersion"]);
        Assert.Equal(1, (int?)Parse("""{"own":{"kept":1}}""")["own"]!["kept"]);
    }

    [Theory]
    [InlineData("", "answered nothing")]
    [InlineData("null", "answered no JSON object")]
    [InlineData("[]", "answered no JSON object")]
    [InlineData("{", "answered no CNI result")]
    [InlineData("{} trailing", "answered no CNI result")]
    [InlineData("""{"ips":[{"interface":"zero"}]}""", "answered no CNI result")]
    [InlineData("""{"ips":[],"ips":[]}""", "answered no CNI result")]
    [InlineData("""{"interfaces":[{"name":"\ud800"}]}""", "answered no CNI result")]
    public void What_is_no_result_is_refused_and_quoted(string output, string words) =>
        Assert.Contains(words, Assert.Throws<CniAnswerException>(() => Parse(output)).Message);

    [Fact]
    public void Deep_nesting_and_binary_are_errors_on_one_line()
    {
        Assert.Throws<CniAnswerException>(() => Parse(new string('[', 100_000)));
        byte[] noise = [0xff, 0x1b, (byte)'[', 0, (byte)'\n', .. Enumerable.Repeat((byte)'x', 10_000)];

        string message = Assert.Throws<CniAnswerException>(() => CniAnswer.ParseResult(noise, "1.0.0")).Message;

        Assert.True(message.Length < 600);
        Assert.DoesNotContain(message, char.IsControl);
    }

    [Theory]
    [InlineData("""{"code":100,"msg":"full","details":"of it"}""", "noise", "full; of it")]
    [InlineData("""{"code":100,"msg":"full"}""", "", "full")]
    [InlineData("""{"code":7}""", "", "error code 7 without a message (exit code 1)")]
    [InlineData("""{"code":"x"}""", "", "exit code 1: \"{\"code\":\"x\"}\"")]
    [InlineData("panic", "line one\nline two", "exit code 1: \"line one line two\"")]
    [InlineData("", "", "exit code 1, and it said nothing")]
    public void A_failure_is_told_in_the_plugins_own_words(string stdout, string stderr, string expected) =>
        Assert.Equal(expected, CniAnswer.Failure(Encoding.UTF8.GetBytes(stdout), Encoding.UTF8.GetBytes(stderr), "exit code 1"));

    private static JsonObject Parse(string text) => CniAnswer.ParseResult(Encoding.UTF8.GetBytes(text), "0.4.0");
}
