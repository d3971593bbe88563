using System.Text;
using NativeKubelet.Core.Logs;

namespace NativeKubelet.Tests.Unit.Core.Logs;

public sealed class CriLogLineTests
{
    [Theory]
    [InlineData("2016-10-06T00:17:09.669794202Z stdout F hello world", false, false, "hello world")]
    [InlineData("2016-10-06T00:17:09.669794202Z stderr P part", true, true, "part")]
    [InlineData("2016-10-06T00:17:09Z stdout F:x:y tagged", false, false, "tagged")]
    [InlineData("2016-10-06T02:17:09.6+02:00 stdout F ", false, false, "")]
    [InlineData("2016-10-06T02:17:09.6+02:00 stdout F", false, false, "")]
    public void Records_are_taken_apart(string record, bool error, bool partial, string content)
    {
        Assert.True(CriLogLine.TryParse(Encoding.UTF8.GetBytes(record), out CriLogLine line));

        Assert.Equal((error, partial, content), (line.IsError, line.IsPartial, Encoding.UTF8.GetString(line.Content)));
        Assert.NotNull(line.ParseTime());
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("2016-10-06T00:17:09.669794202Z")]
    [InlineData("2016-10-06T00:17:09.669794202Z stdin F x")]
    [InlineData("2016-10-06T00:17:09.669794202Z stdout X x")]
    [InlineData("2016-10-06T00:17:09.669794202Z stdout")]
    [InlineData("short stdout F x")]
    public void What_is_no_record_is_told_apart(string record) =>
        Assert.False(CriLogLine.TryParse(Encoding.UTF8.GetBytes(record), out _));
}
