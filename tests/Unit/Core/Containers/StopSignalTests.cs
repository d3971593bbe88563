using NativeKubelet.Core.Containers;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class StopSignalTests
{
    [Theory]
    [InlineData("", 15)]
    [InlineData("SIGTERM", 15)]
    [InlineData("quit", 3)]
    [InlineData("9", 9)]
    [InlineData("SIGRTMIN+3", 37)]
    [InlineData("RTMAX-1", 63)]
    [InlineData("SIGRTMIN", 34)]
    [InlineData("SIGNOPE", null)]
    [InlineData("0", null)]
    [InlineData("65", null)]
    [InlineData("SIGRTMIN+99", null)]
    [InlineData("SIGRTMIN-1", null)]
    [InlineData("-9", null)]
    public void Names_and_numbers_that_images_use_are_understood(string text, int? expected) =>
        Assert.Equal(expected, StopSignal.Parse(text));
}
