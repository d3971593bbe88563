using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Tests.Unit.Runtime.Containers;

public sealed class RuncLogTests
{
    [Theory]
    [InlineData("""{"level":"warning","msg":"old kernel"}|{"level":"error","msg":"exec: \"nope\": executable file not found in $PATH"}|""", "exec: \"nope\": executable file not found in $PATH")]
    [InlineData("""{"level":"error","msg":"first"}|{"level":"error","msg":"second"}""", "second")]
    [InlineData("""{"level":"warning","msg":"only this"}""", "only this")]
    [InlineData("""{"level":"error","msg":"whole"}|{"level":"err""", "whole")]
    [InlineData("""[1]|7|null|{"msg":5}|{"level":"error","msg":"told"}""", "told")]
    [InlineData("", "")]
    [InlineData("not json", "")]
    public void The_last_error_that_was_told_counts(string log, string expected) =>
        Assert.Equal(expected, RuncLog.LastError(System.Text.Encoding.UTF8.GetBytes(log.Replace('|', '\n'))));
}
