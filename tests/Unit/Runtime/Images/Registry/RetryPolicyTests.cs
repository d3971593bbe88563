using NativeKubelet.Runtime.Images.Registry;

namespace NativeKubelet.Tests.Unit.Runtime.Images.Registry;

public sealed class RetryPolicyTests
{
    private static readonly RetryPolicy Policy = new(5, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(6));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(4, 6)]
    public void Waits_double_up_to_the_longest(int failures, int seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), Policy.Wait(failures, null, 1));

    [Fact]
    public void Chance_takes_half_of_a_wait_at_most() => Assert.Equal(TimeSpan.FromSeconds(0.5), Policy.Wait(1, null, 0));

    [Fact]
    public void After_the_last_try_there_is_none() => Assert.Null(Policy.Wait(5, null, 1));

    [Fact]
    public void A_registry_is_left_alone_as_long_as_it_asks_for() => Assert.Equal(TimeSpan.FromSeconds(5), Policy.Wait(1, TimeSpan.FromSeconds(5), 1));

    [Fact]
    public void A_registry_that_asks_for_too_long_is_given_up() => Assert.Null(Policy.Wait(1, TimeSpan.FromHours(1), 1));
}
