using NativeKubelet.Core.Resources;

namespace NativeKubelet.Tests.Unit.Core.Resources;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("1000m", "1")]
    [InlineData("0.5", "500m")]
    [InlineData(".5", "500m")]
    [InlineData("5.", "5")]
    [InlineData("-1.5", "-1500m")]
    [InlineData("1024Ki", "1Mi")]
    [InlineData("0.5Gi", "512Mi")]
    [InlineData("1.5Ki", "1536")]
    [InlineData("2000", "2k")]
    [InlineData("1e3", "1e3")]
    [InlineData("1E", "1E")]
    [InlineData("1E3", "1e3")]
    [InlineData("12e-3", "12e-3")]
    [InlineData("0.0000000001", "1n")]
    [InlineData("100E", "9223372036854775807")]
    public void A_quantity_is_printed_in_canonical_form(string text, string canonical) => Assert.Equal(canonical, Quantity.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("+")]
    [InlineData(".")]
    [InlineData("1 ")]
    [InlineData("1mi")]
    [InlineData("1Bi")]
    [InlineData("1i")]
    [InlineData("1e")]
    [InlineData("1e99999999")]
    [InlineData("0x10")]
    [InlineData("1MiB")]
    [InlineData("\u0661")]
    public void What_is_no_quantity_is_refused(string text) => Assert.False(Quantity.TryParse(text, out _));

    [Fact]
    public void Parts_of_a_unit_are_rounded_up()
    {
        Assert.Equal(1, Quantity.Parse("1n").Milli);
        Assert.Equal(2, Quantity.Parse("1001m").Whole);
        Assert.Equal(-2, Quantity.Parse("-1001m").Whole);
    }

    [Fact]
    public void Quantities_compare_by_value_not_by_notation() => Assert.Equal(Quantity.Parse("1Gi"), Quantity.Parse("1073741824"));
}
