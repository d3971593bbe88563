using NativeKubelet.Core.Certificates;

namespace NativeKubelet.Tests.Unit.Core.Certificates;

public sealed class CertificateWishTests
{
    [Fact]
    public void The_nodes_server_is_good_for_its_names_and_addresses_in_a_fixed_order()
    {
        CertificateWish wish = CertificateWish.Serving("a", [new("InternalIP", "fd00::1"), new("InternalIP", "10.0.0.1"), new("Hostname", "a"), new("InternalDNS", "a.lan"), new("Hostname", "10.0.0.1")])!;

        Assert.Equal(["a", "a.lan"], wish.Names);
        Assert.Equal(["10.0.0.1", "fd00::1"], wish.Addresses);
        Assert.Equal(["digital signature", "server auth"], wish.Usages);
        Assert.Equal("system:node:a", wish.CommonName);
    }

    [Fact]
    public void Without_an_address_nothing_is_asked_for() => Assert.Null(CertificateWish.Serving("a", [new("Hostname", "a")]));

    [Fact]
    public void A_certificate_for_more_than_was_wished_will_do_and_one_for_less_will_not()
    {
        CertificateWish wish = CertificateWish.Serving("a", [new("InternalIP", "10.0.0.1"), new("Hostname", "a")])!;

        Assert.True(wish.IsMetBy("system:node:a", ["system:nodes", "others"], ["a", "b"], ["10.0.0.1", "10.0.0.2"]));
        Assert.False(wish.IsMetBy("system:node:b", ["system:nodes"], ["a"], ["10.0.0.1"]));
        Assert.False(wish.IsMetBy("system:node:a", [], ["a"], ["10.0.0.1"]));
        Assert.False(wish.IsMetBy("system:node:a", ["system:nodes"], [], ["10.0.0.1"]));
        Assert.False(wish.IsMetBy("system:node:a", ["system:nodes"], ["a"], ["10.0.0.2"]));
    }

    [Theory]
    [InlineData(0, 70)]
    [InlineData(0.5, 80)]
    [InlineData(1, 90)]
    public void A_certificate_is_renewed_between_seven_and_nine_tenths_of_its_life(double random, int hours)
    {
        CertificateLife life = new(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddHours(100));

        Assert.Equal(DateTimeOffset.UnixEpoch.AddHours(hours), life.RenewAt(random));
    }

    [Fact]
    public void A_certificate_is_over_from_its_last_moment_on() =>
        Assert.True(new CertificateLife(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddHours(1)).IsOver(DateTimeOffset.UnixEpoch.AddHours(1)));
}
