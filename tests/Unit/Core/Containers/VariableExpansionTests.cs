using NativeKubelet.Core.Containers;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class VariableExpansionTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("$(A)", "one")]
    [InlineData("x$(A)y$(B)z", "xoneytwoz")]
    [InlineData("$(UNKNOWN)", "$(UNKNOWN)")]
    [InlineData("$$(A)", "$(A)")]
    [InlineData("$$$(A)", "$one")]
    [InlineData("$(NESTED)", "$(A)")]
    [InlineData("$(A", "$(A")]
    [InlineData("$x $(A)", "$x one")]
    [InlineData("end$", "end$")]
    [InlineData("$$", "$")]
    [InlineData("$()", "$()")]
    [InlineData("", "")]
    public void References_are_replaced_once_and_all_else_stays(string text, string expected)
    {
        Dictionary<string, string> known = new() { ["A"] = "one", ["B"] = "two", ["NESTED"] = "$(A)" };

        Assert.Equal(expected, VariableExpansion.Expand(text, known.GetValueOrDefault));
    }
}
