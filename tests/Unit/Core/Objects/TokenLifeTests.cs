using NativeKubelet.Core.Objects;

namespace NativeKubelet.Tests.Unit.Core.Objects;

public sealed class TokenLifeTests
{
    [Theory]
    [InlineData(3600, 0, 2880)]
    [InlineData(3600, 1, 2870)]
    [InlineData(600, 0, 480)]
    [InlineData(172800, 0, 86400)]
    public void A_token_is_renewed_after_four_fifths_of_its_life_and_daily_at_least(int life, double random, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), new TokenLife(TimeSpan.FromSeconds(life)).RenewAfter(random));

    [Fact]
    public void A_token_is_good_until_its_last_second()
    {
        TokenLife life = new(TimeSpan.FromSeconds(600));

        Assert.False(life.IsOver(TimeSpan.FromSeconds(599)));
        Assert.True(life.IsOver(TimeSpan.FromSeconds(600)));
    }
}
