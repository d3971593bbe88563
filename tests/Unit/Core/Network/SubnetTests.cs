using System.Collections.Immutable;
using System.Net;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Tests.Unit.Core.Network;

public sealed class SubnetTests
{
    [Theory]
    [InlineData("10.0.0.7/24", "10.0.0.0/24", "10.0.0.1", "10.0.0.2", "10.0.0.254")]
    [InlineData("192.168.1.4/30", "192.168.1.4/30", "192.168.1.5", "192.168.1.6", "192.168.1.6")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0", "0.0.0.1", "0.0.0.2", "255.255.255.254")]
    [InlineData("fd00:1::5/64", "fd00:1::/64", "fd00:1::1", "fd00:1::2", "fd00:1::ffff:ffff:ffff:ffff")]
    public void The_ends_of_a_block_are_kept_free(string text, string block, string gateway, string first, string last)
    {
        Subnet subnet = Parse(text);

        Assert.Equal((block, gateway, first, last), (subnet.ToString(), subnet.Gateway.ToString(), subnet.First.ToString(), subnet.Last.ToString()));
        Assert.True(subnet.Usable);
        Assert.Equal(Parse(block), subnet);
    }

    [Theory]
    [InlineData("10.0.0.0")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0.0/ 8")]
    [InlineData("fd00::/129")]
    [InlineData("fe80::1%2/64")]
    [InlineData("pods/24")]
    [InlineData("")]
    public void What_is_no_block_is_refused(string text) => Assert.False(Subnet.TryParse(text, out _));

    [Fact]
    public void Addresses_are_given_in_turn_and_reused_last()
    {
        Subnet subnet = Parse("10.0.0.0/29");          // pods: .2 to .6
        HashSet<IPAddress> taken = [Ip("10.0.0.4")];

        Assert.Equal(Ip("10.0.0.2"), subnet.NextFree(null, taken));
        Assert.Equal(Ip("10.0.0.5"), subnet.NextFree(Ip("10.0.0.3"), taken));
        Assert.Equal(Ip("10.0.0.2"), subnet.NextFree(Ip("10.0.0.6"), taken));
        Assert.Equal(Ip("10.0.0.2"), subnet.NextFree(Ip("192.0.2.9"), taken));
    }

    [Fact]
    public void A_full_block_has_no_next_address()
    {
        Subnet subnet = Parse("10.0.0.0/30");

        Assert.Null(subnet.NextFree(null, new HashSet<IPAddress> { Ip("10.0.0.2") }));
        Assert.Equal(Ip("10.0.0.2"), subnet.NextFree(Ip("10.0.0.2"), new HashSet<IPAddress>()));
    }

    [Fact]
    public void The_default_block_meets_nothing_that_is_in_use()
    {
        Assert.Equal("10.231.0.0/22", PodSubnets.Choose([])!.ToString());
        Assert.Equal("10.231.4.0/22", PodSubnets.Choose([Parse("10.231.0.0/24"), Parse("10.231.1.128/25")])!.ToString());
        Assert.Equal("172.29.0.0/22", PodSubnets.Choose([Parse("10.0.0.0/8")])!.ToString());
        Assert.Null(PodSubnets.Choose([Parse("0.0.0.0/0")]));
    }

    [Theory]
    [InlineData("10.1.0.0/24", null)]
    [InlineData("10.1.0.0/24, fd01::/64", null)]
    [InlineData("10.1.0.0/24,10.2.0.0/24", "names one address family twice")]
    [InlineData("10.1.0.0/31", "has no room")]
    [InlineData("ten", "is no block of addresses")]
    public void What_an_operator_names_is_checked(string text, string? problem)
    {
        string? found = PodSubnets.Parse(text, out ImmutableArray<Subnet> subnets);

        if (problem is null) Assert.Null(found);
        else Assert.Contains(problem, found);
        Assert.Equal(problem is null ? text.Split(',').Length : 0, subnets.Length);
    }

    [Fact]
    public void A_wider_route_around_a_block_is_no_conflict()
    {
        Subnet wanted = Parse("10.1.0.0/24");

        Assert.Null(PodSubnets.Conflict(wanted, [Parse("10.0.0.0/8"), Parse("10.2.0.0/24")]));
        Assert.Equal(Parse("10.1.0.128/25"), PodSubnets.Conflict(wanted, [Parse("10.1.0.128/25")]));
    }

    private static Subnet Parse(string text) => Subnet.TryParse(text, out Subnet? subnet) ? subnet : throw new FormatException(text);

    private static IPAddress Ip(string text) => IPAddress.Parse(text);
}
